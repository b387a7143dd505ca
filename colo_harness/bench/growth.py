"""How what COLO costs grows: with the number of sessions, and with the guest's memory."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.interval import paired_ratio
from colo_harness.bench.load import crowd
from colo_harness.bench.outages import take
from colo_harness.bench.setting import SETTINGS
from colo_harness.bench.sheet import percentile
from colo_harness.judge.measuring import divided
from colo_harness.qemu.topology import GuestKind

SESSIONS = (1, 4, 16, 64, 256)
SIDES = SETTINGS[:2]
"""The guest alone, and in lock-step."""
MEMORIES: Mapping[GuestKind, Sequence[int]] = MappingProxyType(
    {"micro": (64, 128, 256, 512, 1024), "linux": (128, 256, 512, 1024)}
)
"""MiB of each guest; our Linux does not boot in 64."""
WHATS = ("entry", "pause")
OUTAGES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {f"{sessions} sessions": MappingProxyType({"sessions": sessions}) for sessions in SESSIONS}
    | {f"{memory} MiB": MappingProxyType({"memory": memory}) for memory in MEMORIES["linux"]}
)
"""What differs of the pairs whose primary is lost: one session, and 128 MiB, unless it is said otherwise."""


def name(setting: str, sessions: int) -> str:
    """Return what is measured with so many sessions."""
    return f"{setting}, {sessions} sessions"


def measure_sessions(gauge: Gauge, usual: int) -> None:
    """Let so many sessions ask at once, of a guest alone and of one in lock-step; seconds are for one answer."""
    sheet = gauge.sheet
    for number in gauge.repetitions(usual):
        for setting in gauge.dice.sample(SIDES, len(SIDES)):
            with setting.running(gauge) as client:
                for sessions in gauge.dice.sample(SESSIONS, len(SESSIONS)):
                    taken = crowd(client, sessions)
                    label = name(setting.name, sessions)
                    sheet.take(label, number, taken.seconds)
                    for part in (50, 99):
                        sheet.take(f"{label}, p{part}", number, percentile(taken.answers, part))
    bare, paired = (setting.name for setting in SIDES)
    for sessions in SESSIONS:
        times = [sheet.seconds(name(side, sessions)) for side in (paired, bare)]
        sheet.derived[f"{sessions} sessions"] = paired_ratio(*times, seed=sheet.seed).as_json()


def of_memory(what: str, guest: GuestKind, memory: int) -> str:
    """Return what is measured of a guest with so many MiB."""
    return f"{what}, {guest}, {memory} MiB"


def measure_memory(gauge: Gauge, usual: int) -> None:
    """Bring pairs of guests with more and more memory into COLO, and let them take a checkpoint.

    The seconds of an entry are from `migrate` to both sides' COLO.
    """
    cases = [(guest, memory) for guest, memories in MEMORIES.items() for memory in memories]
    for number in gauge.repetitions(usual):
        for guest, memory in gauge.dice.sample(cases, len(cases)):
            with gauge.ready(guest=guest, memory=memory) as pair:
                start = pair.history.now()
                pair.enter()
                gauge.sheet.take(of_memory("entry", guest, memory), number, pair.history.now() - start)
                start = pair.history.now()
                pair.checkpoint()
                for pause, parts in divided(pair.history.entries):
                    if pause.start >= start:
                        gauge.sheet.take(of_memory("pause", guest, memory), number, pause.duration, **parts)


def measure_outages(gauge: Gauge, usual: int) -> None:
    """Lose the primaries of pairs with more and more sessions, or memory; the seconds are those that a client waits.

    Of many sessions it is the one that waits longest.
    """
    for number in gauge.repetitions(usual):
        for label in gauge.dice.sample([*OUTAGES], len(OUTAGES)):
            if found := take(gauge, **OUTAGES[label]):
                gauge.sheet.take(label, number, found.gap)
