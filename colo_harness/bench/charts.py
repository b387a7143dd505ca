"""The charts of what is measured: for each sheet the picture that shows it best."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from colo_harness.bench import acknowledgements, chart, filters, growth, outages, pauses, resyncs
from colo_harness.bench.load import LOADS
from colo_harness.bench.setting import SETTINGS
from colo_harness.bench.sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["list[Axes]", Sheet], None]


def draw(sheet: Sheet, path: Path, release: str, accel: str) -> None:
    """Write the picture of a sheet to `path`, if there is one."""
    if sheet.name not in CHARTS:
        return
    title, columns, work = CHARTS[sheet.name]
    version, processors = release.partition(" ")[0], sheet.about["processors"]
    note = f"QEMU {version}, {accel}, {processors} CPUs that other work may have kept busy: compare ratios, not times"
    with chart.chart(path, title, note, columns) as axes:
        work(axes, sheet)


def _pauses(axes: "list[Axes]", sheet: Sheet) -> None:
    by_rate = {rate: pauses.name((pauses.USUAL_MEMORY, rate)) for rate in pauses.RATES}
    shown = {rate: name for rate, name in by_rate.items() if name in sheet.measures}
    chart.stacked(axes[0], [str(rate) for rate in shown], [sheet.parts(name) for name in shown.values()])
    chart.say(axes[0], x="MiB/s that the guest rewrites (128 MiB)", y="ms", title="parts of the pause, medians")
    rows = {
        f"{rate} MiB/s": {
            memory: sheet.all_seconds(name)
            for memory in pauses.MEMORIES
            if (name := pauses.name((memory, rate))) in sheet.measures
        }
        for rate in (0, pauses.USUAL_RATE)
    }
    chart.scattered(axes[1], rows)
    chart.say(axes[1], x="MiB of the guest", y="ms", title="whole pauses")


def _services(axes: "list[Axes]", sheet: Sheet) -> None:
    rows = {
        setting.name: {load: sheet.derived[f"{setting.name}, {load}"] for load in LOADS} for setting in SETTINGS[1:]
    }
    chart.ratios(axes[0], rows)
    chart.say(axes[0], y="times as long as alone", title="mean and 95 % interval")


def _outages(axes: "list[Axes]", sheet: Sheet) -> None:
    gaps = sheet.all_seconds(outages.GAP)
    chart.cumulative(axes[0], {outages.GAP: gaps})
    percentiles = sheet.derived[outages.GAP]
    most = max(gaps)
    lines = {
        f"p50 {percentiles['p50'] * 1000:.0f} ms": percentiles["p50"],
        f"p99 {percentiles['p99'] * 1000:.0f} ms": percentiles["p99"],
    }
    lines |= {f"TCP sends again, {at * 1000:.0f} ms": at for at in outages.RETRANSMISSIONS if at <= most}
    chart.marked(axes[0], lines)
    axes[0].set_xlim(left=900 * min(outages.RETRANSMISSIONS[0], *gaps))
    chart.say(axes[0], x="ms", y="% of losses", title=f"what a client waits, {len(gaps)} losses")
    samples = sheet.measures[outages.OUTAGE].samples
    parts = {name: [sample.parts[name] for sample in samples] for name in samples[0].parts}
    chart.cumulative(axes[1], parts)
    chart.say(axes[1], x="ms", y="% of losses", title="and for what")


def _acknowledgements(axes: "list[Axes]", sheet: Sheet) -> None:
    for axis, what in zip(axes, ("idle pause", "answer"), strict=True):
        chart.cumulative(axis, {way: sheet.all_seconds(f"{what}, {way}") for way in acknowledgements.WAYS})
    chart.say(axes[0], x="ms", y="% of checkpoints", title="pause of a guest that rests")
    chart.say(axes[1], x="ms", y="% of answers", title="answer that forces a checkpoint")


def _filters(axes: "list[Axes]", sheet: Sheet) -> None:
    names = [name for name in filters.PARTS if name != filters.NONE]
    chart.ratios(axes[0], {load: {name: sheet.derived[f"{name}, {load}"] for name in names} for load in filters.TIMED})
    chart.say(axes[0], y="times as long as without", title="mean and 95 % interval")


def _resyncs(axes: "list[Axes]", sheet: Sheet) -> None:
    names = {size: resyncs.name(size) for size in resyncs.SIZES if resyncs.name(size) in sheet.measures}
    chart.stacked(axes[0], [str(size) for size in names], [sheet.parts(name) for name in names.values()], scale=1)
    chart.say(axes[0], x="MiB of the disk, all of them data", y="s", title="medians")


def _sessions(axes: "list[Axes]", sheet: Sheet) -> None:
    for axis, end in zip(axes, ("", ", p99"), strict=True):
        rows = {
            side.name: {count: sheet.all_seconds(f"{growth.name(side.name, count)}{end}") for count in growth.SESSIONS}
            for side in growth.SIDES
        }
        chart.scattered(axis, rows)
    chart.say(axes[0], x="sessions that ask at once", y="ms", title="for one answer, all together")
    chart.say(axes[1], x="sessions that ask at once", y="ms", title="99 % of a session's answers within")


def _memory(axes: "list[Axes]", sheet: Sheet) -> None:
    for axis, what, scale in zip(axes, growth.WHATS, (1, 1000), strict=True):
        rows = {
            str(guest): {mib: sheet.all_seconds(growth.of_memory(what, guest, mib)) for mib in memories}
            for guest, memories in growth.MEMORIES.items()
        }
        chart.scattered(axis, rows, scale=scale)
    chart.say(axes[0], x="MiB of the guest", y="s", title="from migrate to COLO on both sides")
    chart.say(axes[1], x="MiB of the guest", y="ms", title="pause of a checkpoint")


def _outage_growth(axes: "list[Axes]", sheet: Sheet) -> None:
    for axis, of in zip(axes, ("sessions", "MiB"), strict=True):
        row = {int(label.split()[0]): sheet.all_seconds(label) for label in growth.OUTAGES if label.endswith(of)}
        chart.scattered(axis, {outages.GAP: row})
    chart.say(axes[0], x="sessions that ask at once", y="ms", title="the longest that any of them waits")
    chart.say(axes[1], x="MiB of the guest", y="ms", title="what one session waits")


CHARTS: Mapping[str, tuple[str, int, Draw]] = MappingProxyType(
    {
        "pauses": ("For how long a checkpoint stops the guest", 2, _pauses),
        "services": ("What COLO costs a guest's services", 1, _services),
        "outages": ("What a client sees of a killed primary", 2, _outages),
        "outage_growth": ("How the wait at a loss grows with sessions and memory", 2, _outage_growth),
        "acknowledgements": ("What TCP's delayed acknowledgement costs", 2, _acknowledgements),
        "filters": ("What each part of the proxy costs", 1, _filters),
        "resyncs": ("How long a survivor is unprotected", 1, _resyncs),
        "sessions": ("How the cost grows with sessions", 2, _sessions),
        "memory": ("How the cost grows with memory", 2, _memory),
    }
)
"""Title, number of axes, and what draws them, by the name of the sheet."""
