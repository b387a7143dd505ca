"""What a power cut leaves of a disk: each prefix of the writes that reached the medium, by blklogwrites."""

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.graph import THROUGH
from colo_harness.blocks.guest import CLUSTER
from colo_harness.judge.blocks import flushed_kept, requests_answered
from fixtures.claims import control
from fixtures.pair import Check

MODES = ("writeback", "none", "writethrough", "directsync")


@pytest.mark.parametrize(
    "where",
    [
        *(pytest.param(f"secondary {mode}", marks=pytest.mark.disks(cache=mode, journal="parent")) for mode in MODES),
        *(pytest.param(f"primary {mode}", marks=pytest.mark.disks(cache=mode, journal="local")) for mode in MODES[1:3]),
    ],
)
@pytest.mark.claim("BLK-13")
@control(sabotage="flush-ignored", checker="flushed_kept")
@control(sabotage="no-child", checker="flushed_kept")
def test_what_was_flushed_outlives_a_power_cut(disks: Disks, check: Check, where: str) -> None:
    """At whatever write the power goes afterwards; where the cache is written through, what was written at all."""
    primary, _ = disks.guests
    last = 7 * CLUSTER
    for sector, number in ((0, 4), (2, 4), (last, 8), (last + 8, CLUSTER - 8), (CLUSTER, CLUSTER)):
        primary.write(sector, number)
        if disks.design.cache not in THROUGH:
            primary.flush()
        disks.note_journal()
        primary.write(5 * CLUSTER, 4)
        disks.checkpoint()
    disks.take_down()
    disks.replay_journal()

    check(flushed_kept, requests_answered)
