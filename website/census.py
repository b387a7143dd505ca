"""A census of the tests: a plugin of pytest that writes down what was collected, for the catalogue of claims."""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from colo_harness.errors import MachineError
from colo_harness.typed import typed
from fixtures.claims import CONTROL, claims_of
from fixtures.markers import needs_of
from fixtures.regressions import regressions_of

FINDING = "finding: docs/findings/"
TELLING = ("smoke", "slow", "matrix", "generated")
"""Markers by which people choose tests; areas are the folders."""


@dataclass(frozen=True)
class Entry:
    """One test, with one set of parameters, or one of its controls."""

    function: str
    """Its node id without parameters."""
    sentence: str
    """The first line of its docstring."""
    claims: tuple[str, ...]
    markers: tuple[str, ...]
    needs: tuple[str, ...]
    tickets: tuple[str, ...]
    """Bugs of old that it sees."""
    finding: str
    """The file of the finding by which it is expected to fail, or nothing."""
    sabotage: str
    """What is broken in a control, else nothing,"""
    checkers: tuple[str, ...]
    """and who must say no to it."""


def take(root: Path) -> list[Entry]:
    """Return what pytest collects in the suites below `root`, the harness's own tests left out. Raises MachineError."""
    areas = [path.parent.name for path in (root / "suites").glob("*/__init__.py") if path.parent.name != "harness"]
    with TemporaryDirectory(prefix="colo-census-") as folder:
        written = Path(folder) / "census.json"
        argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "website.census", f"--census={written}"]
        argv += ["-m", "slow or not slow", *(f"suites/{area}" for area in sorted(areas))]
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
        if not written.exists():
            raise MachineError(
                f"the tests cannot be collected: {(done.stdout + done.stderr)[-1000:]}",
                "`pytest --collect-only suites` says more",
            )
        return [typed(entry, Entry) for entry in json.loads(written.read_text(encoding="utf-8"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --census."""
    parser.addoption("--census", metavar="FILE", help="write there what was collected")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write it down."""
    entries = [asdict(_entry(item)) for item in session.items]
    Path(session.config.getoption("census")).write_text(json.dumps(entries), encoding="utf-8")


def _entry(item: pytest.Item) -> Entry:
    planted = item.stash.get(CONTROL, None)
    docstring = getattr(getattr(item, "function", None), "__doc__", None) or ""
    reasons = [str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("xfail")]
    return Entry(
        function=item.nodeid.partition("[")[0],
        sentence=docstring.strip().partition("\n")[0],
        claims=claims_of(item),
        markers=tuple(name for name in TELLING if item.get_closest_marker(name)),
        needs=tuple(sorted(set(needs_of(item)))),
        tickets=tuple(regression.ticket for regression in regressions_of(item)),
        finding=next((reason.removeprefix(FINDING) for reason in reasons if reason.startswith(FINDING)), ""),
        sabotage=planted.control.sabotage if planted else "",
        checkers=planted.control.checkers if planted else (),
    )
