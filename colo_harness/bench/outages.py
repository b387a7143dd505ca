"""What a client sees of a lost primary: how long until it is noticed, replaced, and the client answered."""

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.sheet import percentile
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.outages import Outage, outages
from colo_harness.qemu.topology import Role
from colo_harness.traffic.crowd import Crowd

OUTAGE, GAP = "from the loss to the answer", "from question to answer"
PATIENCE_S = 10.0
"""What one answer may take, failover included."""
ANSWERS = 3
"""To each session, before the loss and after."""
BETWEEN_S = 0.002
"""Between the questions of two sessions, so that many ask no more often than few."""
RETRANSMISSIONS = (0.2, 0.6, 1.4, 3.0)
"""Seconds after which Linux sends again what nobody acknowledges: TCP_RTO_MIN, doubled each time (RFC 6298, 5.5)."""


def measure_outages(gauge: Gauge, usual: int) -> None:
    """Kill the primary of a fresh pair under a client that always asks, again and again."""
    for number in gauge.repetitions(usual):
        if found := take(gauge):
            gauge.sheet.take(OUTAGE, number, found.seconds, **found.parts)
            gauge.sheet.take(GAP, number, found.gap)
    sheet = gauge.sheet
    for measure in sheet.measures:
        seconds = sheet.seconds(measure)
        sheet.derived[measure] = {f"p{part}": percentile(seconds, part) for part in (50, 99)}
    sheet.derived["retransmissions"] = RETRANSMISSIONS


def take(gauge: Gauge, *, sessions: int = 1, **wanted: object) -> Outage | None:
    """Return what one loss took, or None where nobody was promoted or answered.

    The pair is fresh and has these fields of its topology. One session asks at once whenever it was answered.
    """
    start = gauge.sheet.history.cursor()
    with (
        gauge.managed(**wanted) as (pair, duty),
        Nemesis(pair, pair.history) as nemesis,
        gauge.client(pair, within=PATIENCE_S) as client,
        Crowd([client.echo() for _ in range(sessions)], pause=BETWEEN_S * (sessions - 1)) as crowd,
    ):
        crowd.let_answer(ANSWERS)
        nemesis.inject(Kill(Role.PRIMARY))
        duty.let_take_over()
        crowd.let_answer(ANSWERS)
        duty.dismiss()
    found = outages(gauge.sheet.history.entries[start:])
    return found[0] if found else None
