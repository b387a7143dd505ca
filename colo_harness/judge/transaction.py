"""The checkpoint transaction message by message, as both sides trace it (migration/colo.c)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import pauses
from colo_harness.judge.moments import faults
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, holds, undecided

Traced = tuple[str, str]
"""A traced event of QEMU and the message that it names."""


def _sent(message: str) -> Traced:
    return ("colo_send_message", message)


def _received(message: str) -> Traced:
    return ("colo_receive_message", message)


_SENDING = (_sent("vmstate-send"), _sent("vmstate-size"))
"""The primary does not wait between these: it goes on as far as there is room in the stream."""

LAST_BEFORE: Mapping[str, tuple[tuple[Traced, ...], tuple[Traced, ...]]] = MappingProxyType(
    {
        "checkpoint-ready": ((), (_sent("checkpoint-ready"),)),
        "checkpoint-request": ((_sent("checkpoint-request"),), ()),
        "checkpoint-reply": ((_sent("checkpoint-request"),), (_sent("checkpoint-reply"),)),
        "vmstate-send": (_SENDING, (_sent("checkpoint-reply"),)),
        "ram": (_SENDING, (_received("vmstate-send"),)),
        "vmstate-size": ((_sent("vmstate-size"),), (_received("vmstate-send"),)),
        "device-state": ((_sent("vmstate-size"),), (_received("vmstate-size"),)),
        "vmstate-received": ((_sent("vmstate-size"),), (_sent("vmstate-loaded"),)),
        "vmstate-loaded": ((_received("vmstate-received"),), (_sent("vmstate-loaded"),)),
    }
)
"""What primary and secondary have traced last in a checkpoint while this part of the stream is on its way.

Of several the first one has come for certain; of none nothing need have come in this checkpoint. The secondary
has loaded the state by the time that VMSTATE_RECEIVED is on its way: it waits for nobody in between.
"""


@dataclass(frozen=True)
class FellBefore(Parametrised):
    """The last fault fell while this part of the checkpoint stream was on its way; else the run proves nothing.

    Both sides must have traced all that comes before its receipt, and nothing of what follows.
    """

    part: str
    primary: str = "host_a"
    secondary: str = "host_b"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        bitten = [fault for fault in faults(entries) if fault.bitten is not None and fault.began is not None]
        if not bitten:
            return undecided("no fault is proven to have bitten")
        at = bitten[-1].began or 0.0
        for host, wanted in zip((self.primary, self.secondary), LAST_BEFORE[self.part], strict=True):
            traced = [(entry.what, entry.data.get("message")) for entry in _traces(entries, host) if entry.at <= at]
            if wanted and (not traced or traced[-1] not in wanted):
                last = " ".join(map(str, traced[-1])) if traced else "nothing"
                return undecided(f"{bitten[-1].what} fell at {at:.3f} s, after {last} of {host}: not at {self.part}")
        return holds(f"{bitten[-1].what} fell at {at:.3f} s, while {self.part} was on its way")


def _traces(entries: Sequence[Entry], host: str) -> list[Entry]:
    told = ("colo_send_message", "colo_receive_message")
    return [entry for entry in entries if entry.kind == "trace" and entry.who == host and entry.what in told]


@dataclass(frozen=True)
class Recovered(Parametrised):
    """After the last fault is healed each host makes so many whole checkpoints, and COLO has never ended."""

    checkpoints: int
    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        healed = [entry for entry in entries if entry.kind == "fault" and entry.data.get("type") == "healed"]
        if not healed:
            return undecided("no fault was healed")
        at = healed[-1].at
        breaches = [
            Breach(f"COLO ended on {entry.who}", entry.at, (entry.line,))
            for entry in entries
            if entry.kind == "event" and entry.what == "COLO_EXIT"
        ]
        for host in self.hosts:
            whole = [stop for stop in pauses(entries, host) if stop.start >= at and stop.end is not None]
            if len(whole) < self.checkpoints:
                text = f"{len(whole)} checkpoints of {host} after {at:.3f} s"
                breaches.append(Breach(text, at, (healed[-1].line,)))
        return decide(breaches, [], f"{self.checkpoints} checkpoints and more after {at:.3f} s")
