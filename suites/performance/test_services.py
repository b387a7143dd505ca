"""What COLO costs the guest's services, beside a VM alone."""

import pytest

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.load import LOADS
from colo_harness.bench.services import measure_services
from colo_harness.bench.setting import SETTINGS
from colo_harness.judge.measuring import Measured, SettingsAsNamed
from fixtures.claims import control
from fixtures.pair import Check

ALL = tuple(f"{setting.name}, {load}" for setting in SETTINGS for load in LOADS)
ASKING = "request/response"
AS_NAMED = SettingsAsNamed(
    quiet=(("bare", ASKING), ("lock-step", ASKING)), busy=(("divergence", ASKING), ("periodic", "disk writes"))
)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.claim("PERF-2")
@control(sabotage="hasty-checkpoints", checker="settings_as_named")
def test_services_in_each_setting(gauge: Gauge, check: Check) -> None:
    """Each load is measured in each setting each time, and the pair checkpoints as the setting's name says."""
    measure_services(gauge, 10)

    check(Measured(ALL, len(gauge.repetitions(10))), AS_NAMED)
