"""Making: the report of one or more runs, from their raw results to the page."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colo_harness.machine.holding import scratch
from colo_harness.machine.progress import Progress, quiet
from colo_harness.report import generator
from colo_harness.report.finding import title
from colo_harness.report.gathering import gather
from colo_harness.report.past import FOLDER, TESTS, Past, points
from colo_harness.report.results import write_environment
from colo_harness.report.runs import Run, environments
from colo_harness.report.summary import summary
from colo_harness.report.sysinfo import texts
from colo_harness.settings import Settings

PAGE = Path("report", "index.html")
"""Below the folder that a report is made in."""
SUMMARY = "summary.html"
"""Among the global attachments of the page, and beside it."""
FINDINGS = Path("docs", "findings")
"""In the checkout: pages that tests name as known."""

Named = Mapping[str, Sequence[Run]]


def make(
    places: Sequence[Path], out: Path, settings: Settings, progress: Progress = quiet, *, root: Path | None = None
) -> Path:
    """Return the page made of what the runs in `places` have left, each environment kept apart: one file, in `out`.

    There, too, lies what is kept of earlier runs. `root` is the checkout whose findings are shown. Raises UsageError
    where there are no results or they cannot be read, and what `generator.generate` does.
    """
    named = environments([Run.of(place) for place in places])
    out.mkdir(parents=True, exist_ok=True)
    page = out.absolute() / PAGE
    page.unlink(missing_ok=True)
    past, now = Past(out.absolute() / FOLDER), points(named)
    with scratch("report-", out) as work:
        raw, shown = work / "raw", work / "shown"
        raw.mkdir()
        shown.mkdir()
        gather(named, raw)
        findings = _findings(named, root)
        for file in findings:
            shutil.copy(file, shown)
        for name, file in texts(named).items():
            shutil.copy(file, shown / name)
        known = {str(FINDINGS / file.name): title for file, title in findings.items()}
        overview = summary(named, now, past, known)
        (shown / SUMMARY).write_text(overview, encoding="utf-8")
        earlier = work / TESTS
        past.tests_before(min(point.at for point in now), earlier)
        told = {"historyPath": str(earlier), "globalAttachments": ["shown/*"], **_told(named, raw)}
        html = generator.generate(raw, told, settings, progress, work=work)
        if not past.knows(now):
            past.add(now)
            past.add_tests(earlier)
    page.parent.mkdir(exist_ok=True)
    page.write_text(html, encoding="utf-8")
    page.with_name(SUMMARY).write_text(overview, encoding="utf-8")
    return page


def _told(named: Named, raw: Path) -> dict[str, Any]:
    """Return what Allure is told of the environments; one alone is told in its results."""
    if len(named) == 1:
        write_environment(raw, next(iter(named.values()))[0].environment)
        return {}
    each = {
        f"run-{number}": {"name": name, "variables": dict(runs[0].environment)}
        for number, (name, runs) in enumerate(named.items(), start=1)
    }
    return {"environments": each}


def _findings(named: Named, root: Path | None) -> dict[Path, str]:
    """Return the pages of the findings that tests of the runs name, with their titles."""
    reasons = {
        test["reason"]
        for runs in named.values()
        for run in runs
        for test in run.verdicts.get("tests", [])
        if test["verdict"] == "known"
    }
    files = sorted(root / reason.rpartition(" ")[2] for reason in reasons) if root else []
    return {file: title(file) for file in files if file.is_file()}
