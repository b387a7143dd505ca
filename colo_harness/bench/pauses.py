"""For how long a checkpoint stops the guest, and what it does meanwhile, against how much memory it has and dirties."""

from collections.abc import Sequence

from colo_harness.bench.gauge import Gauge
from colo_harness.judge.measuring import divided

RATES = (0, 8, 32, 128)
"""MiB a second that the guest rewrites."""
MEMORIES = (128, 256, 512, 1024)
"""MiB that it has; our Linux guest does not boot in 64."""
USUAL_MEMORY, USUAL_RATE = 128, 32
REWRITTEN = 16
"""MiB that it rewrites again and again."""
PERIOD_MS = 200
CHECKPOINTS = 4
"""So many of each pair are measured, at least; one may have begun before."""
Case = tuple[int, int]
"""Memory, and how fast it is dirtied."""
ALL: Sequence[Case] = (
    *((USUAL_MEMORY, rate) for rate in RATES),
    *((memory, rate) for memory in MEMORIES if memory != USUAL_MEMORY for rate in (0, USUAL_RATE)),
)
FEW: Sequence[Case] = ((USUAL_MEMORY, 0), (USUAL_MEMORY, USUAL_RATE))


def name(case: Case) -> str:
    """Return what a case is called."""
    return f"{case[0]} MiB, {case[1]} MiB/s"


def measure_pauses(gauge: Gauge, cases: Sequence[Case], usual: int) -> None:
    """Let a fresh pair of each case take some checkpoints, in each repetition in another order."""
    for number in gauge.repetitions(usual):
        for case in gauge.dice.sample(list(cases), len(cases)):
            _take(gauge, case, number)


def _take(gauge: Gauge, case: Case, number: int) -> None:
    memory, rate = case
    with gauge.replicating(checkpoint_delay_ms=PERIOD_MS, memory=memory) as pair, gauge.client(pair) as client:
        if rate:
            client.control().dirty(REWRITTEN, rate)
        since = pair.history.now()
        with pair.watching():
            pair.let_checkpoints_come(CHECKPOINTS + 1)
        until = pair.history.now()
        for pause, parts in divided(pair.history.entries):
            if since <= pause.start and (pause.end or until) < until:
                gauge.sheet.take(name(case), number, pause.duration, **parts)
