"""What colo-compare says to properties that it cannot have."""

import pytest

from colo_harness.errors import MonitorLost
from colo_harness.judge.refusals import Refused
from colo_harness.proxy.compare import Compare
from fixtures.claims import control
from fixtures.pair import Check

HANGS = pytest.mark.xfail(
    strict=True, raises=MonitorLost, reason="finding: docs/findings/0091-a-refused-comparison-hangs.md"
)
CHARDEVS = {name: name for name in ("primary_in", "secondary_in", "outdev", "notify_dev")}
NO_TIME = {"iothread": "iothread0", **CHARDEVS, "compare_timeout": 0}


@HANGS
@pytest.mark.claim("CMP-33")
@control(sabotage="comparison-patient", checker="refused")
def test_a_timeout_of_nothing_is_refused(compare: Compare, check: Check) -> None:
    """A compare_timeout of 0 is refused in QEMU's words."""
    compare.remove()
    compare.bench.try_to_make("colo-compare", "comp0", NO_TIME)

    check(Refused(("requires a positive value",)))
