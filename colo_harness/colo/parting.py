"""COLO that ends with no fault: both sides carry on alone."""

from typing import TYPE_CHECKING

from colo_harness.colo.failover import ALONE
from colo_harness.qemu.topology import Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


def part_ways(pair: "ColoPair", first: Role) -> None:
    """Let both sides carry on alone: `first` is asked while its peer and all streams are healthy.

    The other side is asked once it has noticed by itself, or well after that was due.
    """
    pair.history.record("phase", "pair", "parting", role=first)
    pair.carry_out([ALONE[first]])
    pair.let_notice(first.peer, due=pair.topology.checkpoint_delay_ms / 1000)
    pair.carry_out([ALONE[first.peer]])
    pair.history.record("phase", "pair", "parted")
