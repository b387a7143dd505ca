"""Whatever both sides do to their disks, in any order: scripts that nobody thought of, held against the model."""

import pytest

from colo_harness.blocks.bench import Disks
from colo_harness.colo.lab import Lab
from colo_harness.judge.blocks import reads_documented, requests_answered
from fixtures.blocks import in_each_form
from fixtures.claims import control
from fixtures.pair import Check
from suites.replication.exploring import explore

SCRIPTS = 25


@in_each_form
@pytest.mark.disks(cache="unsafe")
@pytest.mark.claim("BLK-1")
@pytest.mark.claim("BLK-2")
@pytest.mark.claim("BLK-4")
@control(sabotage="checkpoint-untold", checker="reads_documented")
def test_each_side_reads_what_is_documented(idle_disks: Disks, check: Check, lab: Lab) -> None:
    """Writes and zeros of both sides, checkpoints and a failover in any order; then each image alone."""
    explore(idle_disks, lab.settings.seed, scripts=SCRIPTS)

    check(reads_documented, requests_answered)
