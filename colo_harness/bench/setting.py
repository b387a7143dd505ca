"""The settings in which a guest's services are timed: alone, and as a pair that checkpoints for a reason."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from colo_harness.bench.gauge import Gauge
from colo_harness.machine.namespace import Namespace
from colo_harness.traffic.crowd import Crowd

PERIOD_MS = 500
DIFFERENCES_APART = 0.1
"""Seconds from an answer that differed to the next question whose answer will."""


@dataclass(frozen=True)
class Setting:
    """How the guest runs: `paired` or alone, with what in its topology, and whether its answers `diverge` meanwhile."""

    name: str
    paired: bool = True
    checkpoint_delay_ms: int = 20_000
    proxied: bool = True
    diverging: bool = False

    @contextmanager
    def running(self, gauge: Gauge) -> Iterator[Namespace]:
        """Yield where the clients of the running guest are. Raises ProductFailure, HarnessError."""
        if not self.paired:
            with gauge.alone() as (network, _):
                yield network.client
            return
        document = gauge.topology.document if self.proxied else "2016"
        with ExitStack() as stack:
            delay = self.checkpoint_delay_ms
            pair = stack.enter_context(gauge.replicating(checkpoint_delay_ms=delay, document=document))
            stack.enter_context(pair.watching())
            if self.diverging:
                differ = stack.enter_context(gauge.client(pair)).differ()
                stack.enter_context(Crowd([differ], pause=DIFFERENCES_APART))
            yield pair.network.client


SETTINGS: Sequence[Setting] = (
    Setting("bare", paired=False),
    Setting("lock-step"),
    Setting("divergence", diverging=True),
    Setting("periodic", checkpoint_delay_ms=PERIOD_MS, proxied=False),
)
"""A VM alone; COLO as it is meant to be; with answers that differ; and without a proxy, with checkpoints alone."""
