"""What COLO costs a guest's services: each load in each setting, side by side."""

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.interval import paired_ratio
from colo_harness.bench.load import LOADS
from colo_harness.bench.setting import SETTINGS, Setting
from colo_harness.bench.sheet import percentile

BARE = SETTINGS[0].name


def measure_services(gauge: Gauge, usual: int) -> None:
    """Take every load in every setting, a fresh guest for each setting and repetition.

    Settings come in an order that is drawn anew each time; so do loads behind the first one, which finds a quiet pair:
    what a transfer leaves behind as it ends, the comparison may still be busy with.
    Raises ProductFailure, HarnessError.
    """
    for number in gauge.repetitions(usual):
        for setting in gauge.dice.sample(SETTINGS, len(SETTINGS)):
            _take(gauge, setting, number)
    sheet = gauge.sheet
    sheet.derived = {
        f"{setting.name}, {load}": paired_ratio(
            sheet.seconds(f"{setting.name}, {load}"), sheet.seconds(f"{BARE}, {load}"), seed=sheet.seed
        ).as_json()
        for setting in SETTINGS[1:]
        for load in LOADS
    }


def _take(gauge: Gauge, setting: Setting, number: int) -> None:
    sheet = gauge.sheet
    with setting.running(gauge) as client:
        first, *others = LOADS
        for load in (first, *gauge.dice.sample(others, len(others))):
            label, told = f"{setting.name}, {load}", {"setting": setting.name, "load": load, "repetition": number}
            sheet.history.append("phase", "bench", "load", told)
            taken = LOADS[load](client)
            sheet.history.append("phase", "bench", "loaded", told)
            sheet.take(label, number, taken.seconds)
            for part in (50, 99) if taken.answers else ():
                sheet.take(f"{label}, p{part}", number, percentile(taken.answers, part))
