"""What a pair's QEMUs answer while they are in COLO, asked by the names of their promises."""

from typing import TYPE_CHECKING, Any

from colo_harness.errors import CommandError
from colo_harness.qemu.promises import Promises, questions
from colo_harness.qemu.topology import Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


def question(pair: "ColoPair", promises: Promises) -> None:
    """Ask all that has a promised answer, in the questions' order, and record what is said. Raises MonitorLost."""
    for name, asked in questions()["in_colo"].items():
        if name in promises.in_colo:
            said = _said(pair, *asked)
            pair.history.record("observe", "pair", "found", of="in_colo", name=name, value=said)


def _said(pair: "ColoPair", role: Any, command: Any, arguments: Any) -> str:
    try:
        pair.vm(Role(role)).execute(command, arguments)
    except CommandError as refused:
        return refused.description
    return ""
