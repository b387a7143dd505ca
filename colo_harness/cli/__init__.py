"""The command `colo`."""

import sys
import traceback

import typer

from colo_harness.cli import run, setup
from colo_harness.errors import HarnessError

BROKEN = 2
"""Exit status when the harness, the machine or the usage is at fault; a failed claim has another."""

app = typer.Typer(
    help="Conformance and fault-injection suite for QEMU COLO.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(setup.setup)
app.command()(run.plan)
app.command()(run.run)


@app.callback()
def colo() -> None:
    """Conformance and fault-injection suite for QEMU COLO."""


def main() -> None:
    """Run the command line and exit; whatever is our own fault, a bug included, exits with BROKEN."""
    try:
        app()
    except HarnessError as error:
        typer.echo(f"colo: {error}", err=True)
        sys.exit(BROKEN)
    except Exception:  # noqa: BLE001 - a bug of ours must not exit with the status of a failed claim
        traceback.print_exc()
        sys.exit(BROKEN)
