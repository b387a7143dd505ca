"""A suite of a few lines that pytest runs inside a test, to see what the plugins make of it."""

import json
import textwrap
from dataclasses import dataclass
from typing import Any

import pytest

_PLUGINS = ("markers", "claims", "controls", "regressions", "failures", "order", "verdicts", "soak")
LOADED = [
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # ours are imported already, with nothing to rewrite
    *(word for name in _PLUGINS for word in ("-p", f"fixtures.{name}")),
]
_OPTIONS = """
[tool.pytest]
strict = true
testpaths = ["suites"]
addopts = ["--disable-plugin-autoload", "-p", "xdist", "-p", "timeout", "--dist=loadgroup", "-p", "no:cacheprovider"]
timeout = "60"
filterwarnings = ["error"]
"""
_CONFTEST = """
import pytest
from fixtures.stash import ACCEL, RELEASE, RESULTS_DIR

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.stash[RESULTS_DIR] = config.rootpath / "results"
    config.stash[RELEASE] = "11.1.3"
    config.stash[ACCEL] = "tcg"
"""
_PREAMBLE = """
import os, pytest
from colo_harness.errors import GuestFailure, MachineError, NotTried, StartupFailed, Undecided
from colo_harness.judge.judgement import Violation
from colo_harness.judge.verdict import Verdict
from fixtures.claims import control

claim = pytest.mark.claim

def violation(checker="nothing_lost"):
    return Violation([Verdict("no_reset", "valid", "none"), Verdict(checker, "invalid", "record 7 is lost")])

def judge(sabotage):
    if sabotage:
        raise violation()

"""


@dataclass(frozen=True)
class Ran:
    """What an inner run came to: exit code, terminal, node ids in order, claims.json (None: not written)."""

    code: int
    text: str
    document: dict[str, Any] | None
    errors: str

    @property
    def claims(self) -> dict[str, dict[str, Any]]:
        """The claims of claims.json by id."""
        assert self.document is not None, self.text
        return {claim["id"]: claim for claim in self.document["claims"]}

    @property
    def tests(self) -> list[str]:
        """The names of the tests of claims.json."""
        assert self.document is not None, self.text
        return [test["id"].partition("::")[2] for test in self.document["tests"]]

    @property
    def broken(self) -> list[str]:
        """What claims.json says was wrong on this side."""
        assert self.document is not None, self.text
        broken: list[str] = self.document["broken"]
        return broken

    @property
    def ids(self) -> list[str]:
        """The test names of a run with -v, in the order of their results."""
        outcomes = (" PASSED", " FAILED", " SKIPPED", " XFAIL", " ERROR")
        lines = (line for line in self.text.splitlines() if "::" in line and any(o in line for o in outcomes))
        return [line.partition("::")[2].rpartition(" ")[0].partition(" ")[0] for line in lines]


class InnerSuite:
    """Writes claims and tests into a folder of its own and runs pytest there with our plugins."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        pytester.makepyprojecttoml(_OPTIONS)
        pytester.makeconftest(_CONFTEST)
        self.claims("FT-1=failover")

    def claims(self, *claims: str) -> None:
        """Write claims.toml: each is ID=area."""
        tables = [
            f'[claims.{name}]\ntext = "The session of {name} lives on."\nsource = "s"\narea = "{area}"\n'
            for name, _, area in (claim.partition("=") for claim in claims)
        ]
        self.file("suites/claims.toml", "\n".join(tables))

    def conftest(self, source: str) -> None:
        """Add to conftest.py."""
        self.file("conftest.py", _CONFTEST + textwrap.dedent(source))

    def tests(self, source: str, path: str = "failover/test_a.py") -> None:
        """Write a test module below suites/; the names of the preamble are at hand."""
        self.file(f"suites/{path}", _PREAMBLE + textwrap.dedent(source))

    def file(self, path: str, text: str) -> None:
        """Write a file."""
        target = self._pytester.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Ran:
        """Run pytest in this process; with -n, the workers are processes of their own."""
        return self._read(self._pytester.runpytest_inprocess(*LOADED, *arguments, no_reraise_ctrlc=True))

    def run_apart(self, *arguments: str) -> Ran:
        """Run pytest in a process of its own."""
        return self._read(self._pytester.runpytest_subprocess(*LOADED, *arguments))

    def _read(self, result: pytest.RunResult) -> Ran:
        written = self._pytester.path / "results" / "claims.json"
        document = json.loads(written.read_text(encoding="utf-8")) if written.exists() else None
        return Ran(int(result.ret), result.stdout.str(), document, result.stderr.str())
