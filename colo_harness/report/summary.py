"""The summary: a run on one page, by area and claim, with what was skipped, what is known, and earlier runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from colo_harness.judge.score import VERDICTS
from colo_harness.report import merging, sysinfo
from colo_harness.report.matrix.page import framed
from colo_harness.report.past import Past, Point
from colo_harness.report.runs import Run

SIGNS = {"valid": "✓", "invalid": "✗", "known": "!", "unknown": "?", "skipped": "-"}
STYLE = """
.invalid { background: #f7c9c6; color: #1c2330; } .known { background: #fbe6b8; color: #1c2330; }
.unknown { background: #e3d5f5; color: #1c2330; } .valid { background: #d8f0dd; color: #1c2330; }
td.past { font-family: monospace; white-space: pre; } td.text { text-align: left; }
"""
_WORDS = ("ok: ", "missing: ", "FAILED: ", "untried: ", "declined: ")
"""With these the doctor's findings begin."""
SHOWN = 10
"""So many earlier runs are shown."""

Claim = Mapping[str, Any]


def summary(named: Mapping[str, Sequence[Run]], points: Sequence[Point], past: Past, known: Mapping[str, str]) -> str:
    """Return the page; `points` are what the runs came to, `known` the titles of findings by their file."""
    parts = []
    texts = _texts(named)
    for (name, runs), point in zip(named.items(), points, strict=True):
        parts.append(f"<h1>{escape(name)}</h1>{_verdicts(runs, texts, past.before(point))}")
        parts.append(_skips(runs) + _known(runs, known) + _broken(runs) + _environment(runs))
    return framed("Summary", f"<style>{STYLE}</style>{''.join(parts)}")


def _texts(named: Mapping[str, Sequence[Run]]) -> dict[str, str]:
    """Return the sentences of claims by id, as results bear them."""
    features = {
        label["value"]
        for runs in named.values()
        for run in runs
        for _, result in run.results()
        for label in result.get("labels", ())
        if label["name"] == "feature"
    }
    return {name: text for name, _, text in (feature.partition(": ") for feature in features)}


def _verdicts(runs: Sequence[Run], texts: Mapping[str, str], earlier: Sequence[Point]) -> str:
    claims = merging.claims(runs)
    rows, areas = [], dict[str, list[Claim]]()
    for claim in claims:
        areas.setdefault(claim["area"], []).append(claim)
    for area, of_area in areas.items():
        rows.append(f"<tr><th colspan=5 class=claim>{escape(area)}: {_counted(of_area)}</th></tr>")
        rows += [_row(claim, texts, earlier) for claim in of_area]
    head = "<tr><th>claim</th><th>verdict</th><th>before</th><th class=claim>what is promised</th><th>s</th></tr>"
    told = f"<p>{_many(len(claims), 'claim')}: {_counted(claims)}</p>{_changes(claims, earlier)}"
    return f"{told}<table>{head}{''.join(rows)}</table>"


def _row(claim: Claim, texts: Mapping[str, str], earlier: Sequence[Point]) -> str:
    verdict, name = claim["verdict"], claim["id"]
    signs = "".join(SIGNS.get(point.claims.get(name, ""), " ") for point in earlier[-SHOWN:])
    reason = f"<br><small>{escape(claim['reason'])}</small>" if claim["reason"] else ""
    cells = [
        f"<td>{escape(name)}</td><td class={verdict}>{SIGNS[verdict]} {verdict}</td><td class=past>{signs}</td>",
        f"<td class=text>{escape(texts.get(name, ''))}{reason}</td><td>{claim['seconds']:.1f}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _changes(claims: Iterable[Claim], earlier: Sequence[Point]) -> str:
    """Say which claims the run before judged otherwise."""
    if not earlier:
        return "<p>no earlier run is known</p>"
    before = earlier[-1].claims
    changed = [claim for claim in claims if before.get(claim["id"], claim["verdict"]) != claim["verdict"]]
    listed = ", ".join(f"{claim['id']} {before[claim['id']]} → {claim['verdict']}" for claim in changed)
    return f"<p>since the run before: {escape(listed) or 'no other verdict'}</p>"


def _counted(claims: Iterable[Claim]) -> str:
    count = Counter(claim["verdict"] for claim in claims)
    return ", ".join(f"{count[verdict]} {verdict}" for verdict in reversed(VERDICTS) if count[verdict])


def _skips(runs: Sequence[Run]) -> str:
    count: Counter[str] = Counter()
    for run in runs:
        count.update(run.verdicts.get("skipped", {}))
    found = runs[0].environment
    lines = [f"{need}: {_many(number, 'test')}; {found.get(need, '')}" for need, number in count.most_common()]
    return _list("Skipped for want of", lines)


def _known(runs: Sequence[Run], known: Mapping[str, str]) -> str:
    tests = [test for run in runs for test in run.verdicts.get("tests", []) if test["verdict"] == "known"]
    count = Counter(test["reason"].removeprefix("finding: ") for test in tests)
    lines = [f"{known.get(file, '')} ({file}): {_many(number, 'test')}" for file, number in sorted(count.items())]
    return _list("Known: promises that this QEMU is known to break", lines)


def _broken(runs: Sequence[Run]) -> str:
    told = [text for run in runs for text in run.verdicts.get("broken", [])]
    return _list("Trouble of the harness or the machine", [*merging.missing(runs), *told])


def _environment(runs: Sequence[Run]) -> str:
    """Tell what was judged, and then what the doctor found: what is there in a line, what is not with its remedy."""
    told = runs[0].environment
    found = {key: value for key, value in told.items() if value.startswith(_WORDS)}
    there = [key for key, value in found.items() if value.startswith(_WORDS[0])]
    lacking = [f"{key}: {value}" for key, value in found.items() if key not in there]
    doctor = [*lacking, f"there: {', '.join(there)}"] if found else []
    judged = [f"{key}: {value}" for key, value in told.items() if key not in found]
    machines = [f"{name}, among the report's attachments" for name in sysinfo.texts({"": runs})]
    parts = {"Environment": judged, "What the doctor found": doctor, "What Avocado saw of the machines": machines}
    return "".join(_list(title, lines) for title, lines in parts.items())


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{escape(title)}</h2><ul>{items}</ul>" if lines else ""


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
