"""`colo pair`: pairs that are left running, for people to play with."""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from shlex import split
from typing import Annotated, Any

import typer
from rich.console import Console

from colo_harness.cli.options import Accel, CacheDir, Release
from colo_harness.cli.portrait import guide, watch
from colo_harness.cli.steps import steps
from colo_harness.colo import birth
from colo_harness.colo.running import find
from colo_harness.errors import UsageError
from colo_harness.machine.tool import ensure
from colo_harness.qemu.topology import Topology
from colo_harness.settings import Settings


class Guest(StrEnum):
    """What `--guest` takes."""

    LINUX = "linux"
    TICK = "tick"


Name = Annotated[str | None, typer.Option(help="Which pair; needed where several run.")]
Whom = Annotated[str, typer.Argument(metavar="HOST|ROLE", help="host_a, host_b, primary or secondary.")]

pair = typer.Typer(name="pair", help="A pair to play with: start one, look at it, break it.", no_args_is_help=True)


@pair.command()
def up(
    guest: Annotated[Guest, typer.Option(help="Linux with services on a network, or a boot sector.")] = Guest.LINUX,
    qemu: Annotated[Path | None, typer.Option(help="Take this QEMU executable, not the reference release.")] = None,
    release: Release = Settings.release,
    accel: Annotated[Accel, typer.Option(help="Accelerator; auto takes what suits the guest.")] = Accel.AUTO,
    delay: Annotated[int, typer.Option(min=1, help="Milliseconds between checkpoints (x-checkpoint-delay).")] = 20_000,
    name: Annotated[str | None, typer.Option(help="What to call it, where several shall run.")] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Start a pair, leave it running in COLO, and say how to get at it."""
    plain = Settings(cache_dir=cache_dir) if cache_dir else Settings()
    executable = qemu and qemu.absolute()
    settings = Settings(cache_dir=plain.cache_dir, qemu=executable, release=release, accel=accel.value)
    topology = Topology(guest=guest.value, checkpoint_delay_ms=delay, relayed=True, spare_monitor=True)
    with steps(Console()) as progress:
        ensure(progress=progress)
        running = birth.bring_up(name, settings, topology, progress)
        progress(f"the pair {running.name!r} replicates")
    guide(Console(), running.ask("status"))


@pair.command()
def status(
    name: Name = None,
    *,
    watching: Annotated[bool, typer.Option("--watch", help="Go on showing it until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; with --watch an object a line.")] = False,
) -> None:
    """Show roles, run states, checkpoints, pauses and the last events; QEMU is asked nothing."""
    watch(Console(), find(name), watching=watching, as_json=as_json)


@pair.command(context_settings={"allow_interspersed_args": False})
def shell(
    name: Name = None,
    command: Annotated[list[str] | None, typer.Argument(help="Run this there instead, behind `--`.")] = None,
) -> None:
    """Give a prompt in the client's network namespace, from where the guest is reached."""
    client = find(name).ask("status")["client"]
    if not command and sys.stdin.isatty():
        typer.echo(f"This is the client, {client['address']}; the guest is {client['guest']}. Leave with `exit`.")
    sys.stdout.flush()
    os.execvp("nsenter", [*split(client["nsenter"]), "--", *(command or [])])  # noqa: S606 - no shell is meant


@pair.command()
def qmp(
    host: Whom,
    command: Annotated[str, typer.Argument(help="Such as query-colo-status.")],
    arguments: Annotated[str | None, typer.Argument(help="A JSON object.")] = None,
    name: Name = None,
) -> None:
    """Run a QMP command and print what QEMU answers."""
    answer = find(name).ask("qmp", host=host, command=command, arguments=_parsed(arguments))
    typer.echo(answer if isinstance(answer, str) else json.dumps(answer, indent=1))


@pair.command()
def checkpoint(name: Name = None) -> None:
    """Take a checkpoint now, and wait for its end."""
    pauses = find(name).ask("checkpoint")
    typer.echo("a checkpoint: " + ", ".join(f"{host} stood still for {pause} ms" for host, pause in pauses.items()))


@pair.command()
def step(
    name: Name = None,
    to: Annotated[str | None, typer.Option(metavar="PART", help="Go on until this part is next to pass.")] = None,
    *,
    end: Annotated[bool, typer.Option("--end", help="Let the checkpoint go on to its end.")] = False,
) -> None:
    """Walk a checkpoint message by message; the first step begins one, which then stands still before the next."""
    done = find(name).ask("step", to=to, end=end)
    for part in done["passed"]:
        typer.echo(f"{part['part']:<20} {part['from']} -> {part['to']}")
    states = ", ".join(f"{host} is {state}" for host, state in done["hosts"].items())
    upcoming = done["next"]
    where = f"next is {upcoming['part']}, {upcoming['from']} -> {upcoming['to']}" if upcoming else "it is done"
    typer.echo(f"{where}; {states}")


@pair.command()
def kill(host: Whom, name: Name = None) -> None:
    """Lose a QEMU at once, as a power cut does."""
    typer.echo(f"{find(name).ask('kill', host=host)} is dead; `colo pair failover` lets the other one carry on")


@pair.command()
def freeze(host: Whom, name: Name = None) -> None:
    """Stop every thread of a QEMU: it answers nothing and keeps its sockets open."""
    typer.echo(f"{find(name).ask('freeze', host=host)} is frozen; `colo pair failover` lets the other one carry on")


@pair.command()
def failover(
    host: Annotated[
        str | None, typer.Argument(metavar="[HOST|ROLE]", help="Who carries on; by default the side that is left.")
    ] = None,
    name: Name = None,
) -> None:
    """Let one side carry on alone; the other one is fenced (killed) first."""
    done = find(name).ask("failover", host=host)
    typer.echo(f"{done['host']} carries on alone, after {done['seconds']:.2f} s; `colo pair resume` makes it a pair")


@pair.command()
def resume(name: Name = None) -> None:
    """Make a pair again of the side that carried on and a new QEMU on the lost host."""
    done = find(name).ask("resume")
    typer.echo(f"the pair replicates again, after {done['seconds']:.2f} s; {done['host']} is the secondary")


@pair.command()
def down(name: Name = None) -> None:
    """End a pair; nothing of it stays."""
    running = find(name)
    running.down()
    typer.echo(f"the pair {running.name!r} is gone")


def _parsed(arguments: str | None) -> dict[str, Any] | None:
    try:
        parsed = None if arguments is None else json.loads(arguments)
    except ValueError:
        parsed = arguments
    if parsed is not None and not isinstance(parsed, dict):
        raise UsageError(f"{arguments!r} is no JSON object", """write it like '{"command-line": "info network"}'""")
    return parsed
