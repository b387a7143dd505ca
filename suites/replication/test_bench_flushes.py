"""What a power cut leaves of a disk: each prefix of the writes that reached the medium, by blklogwrites."""

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.blocks.graph import THROUGH
from colo_harness.blocks.guest import CLUSTER
from colo_harness.judge.blocks import flushed_kept, requests_answered
from fixtures.blocks import in_variants
from fixtures.claims import control
from fixtures.pair import Check


@in_variants(
    secondary_writeback={"cache": "writeback", "journal": "parent"},
    secondary_none={"cache": "none", "journal": "parent"},
    secondary_writethrough={"cache": "writethrough", "journal": "parent"},
    secondary_directsync={"cache": "directsync", "journal": "parent"},
    secondary_filtered={"form": "replication", "journal": "parent"},
    primary_writeback={"cache": "writeback", "journal": "local"},
    primary_writethrough={"cache": "writethrough", "journal": "local"},
)
@pytest.mark.claim("BLK-13")
@control(sabotage="flush-ignored", checker="flushed_kept")
@control(sabotage="no-child", checker="flushed_kept")
def test_what_was_flushed_outlives_a_power_cut(disks: Disks, check: Check) -> None:
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
