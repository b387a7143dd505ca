"""The command `colo`."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from colo_harness.errors import HarnessError, MachineError, UsageError, printable

BROKEN = 2
"""Exit status when the harness, the machine or the usage is at fault; a failed claim has another."""
INTERRUPTED = 130
"""What typer makes of Ctrl-C; `main` makes BROKEN of it."""

COMMANDS = {
    "doctor": "doctor",
    "setup": "setup",
    "plan": "run",
    "run": "run",
    "avocado": "avocado",
    "report": "report",
    "judge": "judge",
    "replay": "replay",
    "timeline": "timeline",
    "pair": "pair",
    "explain": "explain",
    "bench": "bench",
    "bisect": "bisect",
    "power": "power",
    "matrix": "matrix",
    "clean": "clean",
}
"""Each command, a function or a group of them, and the module of this room that has it; it is imported when given."""

STARTERS = (
    *("doctor", "setup", "plan", "run", "avocado", "explain"),
    *("bench", "replay", "bisect", "power", "matrix", "report"),
)
"""Commands that start programs which must not outlive them; a pair has a keeper for that."""


class Commands(Mapping[str, Any]):
    """The commands by name, in the order of the help."""

    def __getitem__(self, name: str) -> Any:
        module = import_module(f"{__name__}.{COMMANDS[name]}")
        alone = getattr(module, name)
        if not isinstance(alone, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(name)(getattr(module, name))
        return typer.main.get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Colo(TyperGroup):
    """The group of our commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # a group only reads them


app = typer.Typer(
    cls=Colo,
    help="Conformance and fault-injection suite for QEMU COLO.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def colo(context: typer.Context) -> None:
    """Conformance and fault-injection suite for QEMU COLO."""
    if context.invoked_subcommand in STARTERS and "--help" not in sys.argv:
        from colo_harness.machine.estate import Estate  # noqa: PLC0415 - the other commands need no machine

        context.with_resource(Estate())


def main() -> None:
    """Run the command line and exit; whatever is our own fault, a bug included, exits with BROKEN."""
    sys.exit(_status())


def _status() -> int:
    try:
        status = app(standalone_mode=False)
    except HarnessError as error:
        typer.echo(f"colo: {printable(error.brief)}", err=True)
    except TyperException as misuse:
        typer.echo(_misuse(misuse), err=True)
    except OSError as trouble:
        typer.echo(f"colo: {printable(MachineError.of(trouble).brief)}", err=True)
    except Exception:  # noqa: BLE001 - a bug of ours must not exit with the status of a failed claim
        traceback.print_exc()
    else:
        if status != INTERRUPTED:
            return status or 0
        typer.echo("colo: interrupted", err=True)
    return BROKEN


def _misuse(error: TyperException) -> str:
    """Put into a line and a remedy what typer says of a command line; help, which it raises as well, stays as it is."""
    if type(error).__name__ == "NoArgsIsHelpError":  # typer does not hand it out
        return error.format_message()
    command = getattr(getattr(error, "ctx", None), "command_path", "colo")
    problem = " ".join(error.format_message().replace("Value error, ", "").split())
    return f"colo: {UsageError(problem, f'`{command} --help` lists what there is').brief}"
