"""The portrait of a running pair: its status as people read it."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from colo_harness.colo.running import Running
from colo_harness.errors import MachineError
from colo_harness.wait import pause

GLANCE_S = 0.5
"""Between two looks."""
COLOURS = {"replicating": "green", "alone": "yellow", "broken": "red", "dead": "red", "frozen": "red"}

Status = Mapping[str, Any]


def watch(console: Console, pair: Running, *, watching: bool, as_json: bool) -> None:
    """Show the pair once, or until Ctrl-C or its end: live on a terminal, elsewhere anew whenever it has changed."""
    looks = _looks(pair) if watching else iter([pair.ask("status")])
    with suppress(KeyboardInterrupt):
        if as_json:
            for look in looks:
                console.print(json.dumps(look, indent=None if watching else 1), soft_wrap=True, highlight=False)
        elif watching and console.is_terminal:
            with Live(console=console, screen=False, auto_refresh=False) as live:
                for look in looks:
                    live.update(_drawn(look), refresh=True)
        else:
            _print_changes(console, looks)


def _looks(pair: Running) -> Iterator[Status]:
    """Yield the status time and again, until the pair is gone."""
    yield pair.ask("status")
    while True:
        pause(GLANCE_S)
        try:
            look = pair.ask("status")
        except MachineError:
            return
        yield look


def _print_changes(console: Console, looks: Iterator[Status]) -> None:
    before: Status = {}
    for look in looks:
        if {**look, "now": 0} != {**before, "now": 0}:
            console.print(_drawn(look))
        before = look


def _drawn(status: Status) -> RenderableType:
    """Return what fits a screen: the pair, its two sides, its last events."""
    return Group(_headline(status), _sides(status["hosts"]), _events(status["events"]))


def _headline(status: Status) -> Text:
    shown = Text.assemble(
        (status["name"], "bold"), "  ", (status["state"], COLOURS[status["state"]]), f"  {status['now']:.1f} s"
    )
    return shown.append(
        f"\nQEMU {status['qemu']}, {status['accel']}"
        f"\n{status['guest']} guest, a checkpoint every {status['delay_ms'] / 1000:g} s at least"
    )


def _sides(hosts: Mapping[str, Status]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("host", "role", "state"):
        table.add_column(heading)
    for heading in ("checkpoints", "last pause", "pid"):
        table.add_column(heading, justify="right")
    for host, side in hosts.items():
        state = Text(side["run_state"], COLOURS.get(side["run_state"], ""))
        lasted = "" if side["last_pause_ms"] is None else f"{side['last_pause_ms']:.1f} ms"
        table.add_row(host, side["role"] or "lost", state, str(side["checkpoints"]), lasted, str(side["pid"]))
    return table


def _events(events: list[Status]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    table.add_column(justify="right")
    for event in events:
        detail = ", ".join(f"{key} {value}" for key, value in event["data"].items())
        table.add_row(f"{event['at']:.3f} s", event["who"], event["what"], Text(detail, overflow="ellipsis"))
    return table


def guide(console: Console, status: Status) -> None:
    """Print the ways into a pair, each line to be pasted into a shell."""
    colo = Path(sys.executable).with_name("colo")
    name = status["name"]
    lines = [_headline(status).plain]
    for host, side in status["hosts"].items():
        lines += [f"\n{host}, the {side['role']}, is process {side['pid']}"]
        lines += [f"  {what:<10} {side[key]}" for what, key in WAYS.items()]
    lines += [
        "\nthe client",
        f"  {'namespace':<10} {status['client']['nsenter']}",
        f"  {'prompt':<10} {colo} pair shell --name {name}",
        f"\n{'history':<12} {status['history']}",
        f"{'logs':<12} {status['folder']}/host_*: command line, transcripts, console and stderr of each QEMU",
        f"{'watch it':<12} {colo} pair status --watch --name {name}",
        f"{'break it':<12} {colo} pair kill primary --name {name}; then: failover, resume",
        f"{'end it':<12} {colo} pair down --name {name}",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


WAYS = {"HMP": "hmp", "QMP": "qmp", "console": "console", "namespace": "nsenter", "gdb": "gdb"}
"""What `guide` calls a way to a host, and its key in the status."""
