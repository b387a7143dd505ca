"""colo-compare against a model of it: what nobody thought of is answered as documented too."""

from collections.abc import Callable

import pytest

from colo_harness.history import History
from colo_harness.judge.documented import Covered, as_documented
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.player import KINDS
from colo_harness.settings import Settings
from fixtures.claims import control
from fixtures.pair import Check
from suites.proxy.exploring import Explorer, OnBench

ROUNDS = 3


@pytest.fixture
def explorer(compare_anew: Callable[[], Compare], history: History) -> Explorer:
    """Return an explorer of the test's colo-compare."""
    return Explorer(lambda: OnBench(compare_anew()), history)


@pytest.mark.generated
@pytest.mark.parametrize("vnet_header", [0, 12], ids=["plain", "vnet-12"], indirect=True)
@pytest.mark.compare(compare_timeout=3_600_000)
@pytest.mark.claim("MODEL-1")
@control(sabotage="checkpoint-unasked", checker="as_documented")
@control(sabotage="inputs-crossed", checker="as_documented")
@control(sabotage="secondary-silent", checker="as_documented")
def test_generated_traffic_is_compared_as_documented(explorer: Explorer, check: Check, settings: Settings) -> None:
    """However both VMs cut, repeat, swap, double, lose and delay what they say, it is answered as documented."""
    explorer.explore(settings.seed, rounds=ROUNDS, seconds=settings.thorough)

    check(as_documented, Covered(KINDS))
