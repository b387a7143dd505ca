"""What a test leaves fails that test, wherever it shows: terminal, claims.json and report."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from suites.harness.innersuite import InnerSuite, Ran

PLUGINS = (
    *("-p", "allure_pytest", "-p", "fixtures.settings", "-p", "fixtures.report", "-p", "fixtures.audit"),
    *("-p", "fixtures.failures"),
    *("--timeout-factor=0.01", "--results-dir=results"),
)
AREA = "suites/failover"
START = """
def start():
    return os.posix_spawnp("sleep", ["sleep", "600"], os.environ)

def end(pid):
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"""
LEAKY = """
@claim("FT-1")
def test_first():
    pass

@claim("FT-1")
def test_leaky(artifacts):
    (artifacts / "history.jsonl").touch()
    start()

@claim("FT-1")
def test_last():
    pass
"""
SHARED = """
@pytest.fixture(scope="module")
def program():
    pid = start()
    yield pid
    end(pid)

@claim("FT-1")
def test_first(program):
    pass

@claim("FT-1")
def test_second(program):
    pass
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1 of area failover."""
    return InnerSuite(pytester)


def run(inner: InnerSuite, tests: str, *arguments: str) -> Ran:
    """Run an inner suite of these tests, audited."""
    inner.tests(START + textwrap.dedent(tests))
    return inner.run_apart(*PLUGINS, AREA, *arguments)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
def test_a_leak_fails_its_test(inner: InnerSuite, pytester: pytest.Pytester, workers: tuple[str]) -> None:
    """That one alone, as a fault of the harness: of its claim nothing is known."""
    ran = run(inner, LEAKY, *workers)
    assert ran.code == 1
    assert re.search(r"LeftBehind: the test left: process \d+: sleep 600\n  end, close or remove", ran.text), ran.text
    assert re.search(r"3 passed, 1 error", ran.text)
    claim = ran.claims["FT-1"]
    assert (claim["verdict"], claim["failed_tests"]) == ("unknown", [f"{AREA}/test_a.py::test_leaky"])
    assert re.match(r"LeftBehind: the test left: process \d+: sleep 600", claim["reason"])
    assert statuses(pytester.path) == {"First": "passed", "Leaky": "broken", "Last": "passed"}


def statuses(root: Path) -> dict[str, str]:
    """Return what Allure's results say of each test."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in root.glob("results/**/*-result.json")]
    return {result["name"]: result["status"] for result in found}


def test_what_a_wider_fixture_makes_may_stay(inner: InnerSuite) -> None:
    """Until it is torn down."""
    ran = run(inner, SHARED)
    assert ran.code == 0, ran.text


def test_what_a_wider_fixture_leaves_fails_the_last_that_used_it(inner: InnerSuite) -> None:
    """Its tear-down was to remove it."""
    ran = run(inner, SHARED.replace("end(pid)", "pass"))
    assert ran.claims["FT-1"]["failed_tests"] == [f"{AREA}/test_a.py::test_second"], ran.text


def test_a_tear_down_that_fails_hides_no_leak(inner: InnerSuite) -> None:
    """Its own error is told first, and what was left with it."""
    ran = run(
        inner,
        """
        @pytest.fixture
        def poor():
            yield start()
            raise RuntimeError("no end")

        @claim("FT-1")
        def test_it(poor):
            pass
        """,
    )
    assert re.search(r"RuntimeError: no end\n.*the test left: process \d+: sleep 600", ran.text), ran.text
