"""Claims get the verdicts that fixtures/verdicts.py promises, however a run ends."""

import pytest

from colo_harness.judge.score import exit_status
from suites.harness.innersuite import InnerSuite

BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
TEST = """
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(sabotage):
    judge(sabotage)

@claim("FT-1")
def test_other(tmp_path):
    BODY
"""
EARLY = """
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config, prepare=pytest_configure):
    prepare(config)
    raise pytest.UsageError("no such QEMU")
"""
LATE = """
def pytest_sessionstart():
    raise pytest.UsageError("no such QEMU")
"""
OTHER = "suites/failover/test_a.py::test_other"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1 of area failover."""
    return InnerSuite(pytester)


@pytest.mark.parametrize(
    ("body", "verdict", "reason", "status"),
    [
        ("pass", "valid", "", 0),
        ("raise violation()", "invalid", "nothing_lost: record 7 is lost.", 1),
        ("raise GuestFailure('no answer')", "invalid", "no answer", 1),
        ("raise Undecided('the fault did not bite')", "unknown", "the fault did not bite", 3),
        ("raise MachineError('no room', 'make some')", "unknown", "MachineError: no room", 2),
        ("raise ValueError", "unknown", "ValueError", 2),
        ("pytest.fail('Timeout')", "unknown", "Failed: Timeout", 2),
        ("pytest.skip('not here')", "valid", "", 0),
    ],
    ids=["pass", "violation", "failure", "undecided", "machine", "error", "fail", "skip"],
)
def test_verdict(inner: InnerSuite, body: str, verdict: str, reason: str, status: int) -> None:
    """QEMU's failure makes a claim invalid; anything else that is no pass leaves it unknown."""
    inner.tests(TEST.replace("BODY", body))
    ran = inner.run()
    assert ran.document is not None, ran.text
    assert (ran.document["release"], ran.document["accel"]) == ("11.1.3", "tcg")
    assert (ran.claims["FT-1"]["verdict"], ran.claims["FT-1"]["reason"]) == (verdict, reason)
    assert ran.claims["FT-1"]["failed_tests"] == [OTHER] * (verdict in ("invalid", "unknown"))
    assert exit_status(ran.document) == status


@pytest.mark.parametrize("phase", ["setup", "teardown"])
@pytest.mark.parametrize(
    ("error", "verdict"), [("GuestFailure('mute')", "invalid"), ("OSError('full')", "unknown")], ids=["qemu", "host"]
)
def test_the_phase_makes_no_difference(inner: InnerSuite, phase: str, error: str, verdict: str) -> None:
    """What QEMU breaks in set-up or tear-down is a broken promise too."""
    fixture = f"@pytest.fixture\ndef thing():\n    if {phase == 'setup'}: raise {error}\n    yield\n    raise {error}\n"
    inner.tests(fixture + TEST.replace("tmp_path", "thing").replace("BODY", "pass"))
    assert inner.run().claims["FT-1"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("reason", "body", "verdict", "code"),
    [
        ("finding: docs/findings/a.md", "raise violation()", "known", 0),
        ("finding: docs/findings/a.md", "pass", "unknown", 1),
        ("finding: docs/findings/a.md", "raise OSError('full')", "unknown", 1),
        ("some day", "raise violation()", "unknown", 0),
    ],
    ids=["known", "gone", "harness", "no finding"],
)
def test_findings(inner: InnerSuite, reason: str, body: str, verdict: str, code: int) -> None:
    """A finding excuses QEMU's failure and nothing else, and must go when QEMU is mended."""
    source = TEST.replace("def test_other", f"@pytest.mark.xfail(reason={reason!r})\ndef test_other")
    inner.tests(source.replace("BODY", body))
    ran = inner.run()
    assert ran.claims["FT-1"]["verdict"] == verdict
    assert ran.code == code, ran.text


def test_control_of_a_finding_runs(inner: InnerSuite) -> None:
    """The expected failure is the sound test's alone."""
    marked = "@pytest.mark.xfail(reason='finding: a')" + TEST.replace("judge(sabotage)", "raise violation()")
    inner.tests(marked.replace("BODY", "pass"))
    ran = inner.run()
    assert (ran.code, ran.claims["FT-1"]["verdict"]) == (0, "known"), ran.text


def test_a_dead_worker_leaves_its_test_unknown(inner: InnerSuite) -> None:
    """A crash of the worker is told of the claim whose test it was; the rest of the run goes on."""
    inner.claims("FT-1=failover", "FT-2=failover")
    inner.tests(
        TEST.replace("BODY", "os._exit(3)")
        + TEST.replace("FT-1", "FT-2").replace("test_", "test_2").replace("BODY", "pass")
    )
    ran = inner.run("-n", "1", "suites/failover")
    assert ran.claims["FT-2"]["verdict"] == "valid"
    assert ran.claims["FT-1"]["verdict"] == "unknown"
    assert "crashed" in ran.claims["FT-1"]["reason"]
    assert ran.document is not None
    assert exit_status(ran.document) == 2


@pytest.mark.parametrize(
    ("body", "fault"),
    [("raise KeyboardInterrupt", "interrupted"), ("pytest.exit('enough')", "interrupted: enough")],
    ids=["ctrl-C", "exit"],
)
def test_an_interrupted_run_is_written_down(inner: InnerSuite, body: str, fault: str) -> None:
    """What ran has its verdict, what did not is unknown."""
    inner.tests(TEST.replace("BODY", body))
    ran = inner.run()
    assert ran.claims["FT-1"]["verdict"] == "unknown"
    assert ran.claims["FT-1"]["failed_tests"] == [OTHER]
    assert ran.broken == [fault, "the run ended before 1 of its tests"]


@BOTH
@pytest.mark.parametrize("hook", [EARLY, LATE], ids=["configure", "sessionstart"])
def test_a_failed_start_is_written_down(inner: InnerSuite, workers: tuple[str, ...], hook: str) -> None:
    """Also before there is a session: no claims, and the reason."""
    inner.tests(TEST)
    inner.conftest(hook)
    ran = inner.run(*workers)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert ran.document == {
        "release": "11.1.3",
        "accel": "tcg",
        "claims": [],
        "tests": [],
        "skipped": {},
        "broken": ["start-up failed: UsageError: no such QEMU"],
    }
    assert exit_status(ran.document) == 2


def test_an_internal_error_is_written_down(inner: InnerSuite) -> None:
    """An error in a hook is ours."""
    inner.tests(TEST)
    inner.conftest("""
        def pytest_runtest_logstart():
            raise RuntimeError("loose screw")
    """)
    ran = inner.run()
    assert ran.code == pytest.ExitCode.INTERNAL_ERROR
    assert "RuntimeError: loose screw" in ran.broken[0]


@BOTH
def test_a_file_that_cannot_be_collected_is_written_down(inner: InnerSuite, workers: tuple[str, ...]) -> None:
    """It hides no complaint about claims that only it would have tested."""
    inner.tests("import unicorn")
    ran = inner.run(*workers)
    assert ran.code in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED)
    assert "ModuleNotFoundError" in ran.broken[0]
    assert "has no test" not in ran.text


def test_nothing_selected_is_trouble(inner: InnerSuite) -> None:
    """A typing error in -k must not look like success."""
    inner.tests(TEST)
    ran = inner.run("-k", "nonsense")
    assert ran.broken == ["no test was selected"]


@pytest.mark.parametrize("option", ["--collect-only", "--help", "--markers"])
def test_looking_writes_nothing(inner: InnerSuite, option: str) -> None:
    """Only a run leaves verdicts."""
    inner.tests(TEST)
    assert inner.run(option).document is None


def test_failed_self_test_is_trouble(inner: InnerSuite) -> None:
    """It belongs to no claim, but the run is not fine."""
    inner.tests("def test_it(): assert 1 == 2", "harness/test_a.py")
    ran = inner.run("suites/harness")
    assert ran.document is not None
    assert ran.broken == ["suites/harness/test_a.py::test_it: assert 1 == 2"]


@BOTH
def test_summary(inner: InnerSuite, workers: tuple[str, ...]) -> None:
    """One line per claim, the reason below what does not hold, the totals, the report's place."""
    inner.claims("FT-1=failover", "FT-2=failover")
    undecided = TEST.replace("FT-1", "FT-2").replace("test_", "test_2").replace("BODY", "raise Undecided('dark')")
    inner.tests(TEST.replace("BODY", "raise violation()") + undecided)
    ran = inner.run(*workers, "suites/failover")
    tail = ran.text[ran.text.index(" claims ====") :].splitlines()
    assert tail[1].startswith("invalid   FT-1  ")
    assert tail[1].endswith(" s  The session of FT-1 lives on.")
    assert tail[2].strip() == "nothing_lost: record 7 is lost."
    assert tail[3].startswith("unknown   FT-2")
    assert "2 claims: 1 invalid, 1 unknown" in tail
    assert any(line.startswith("report: ") for line in tail)


@BOTH
def test_what_is_not_tried_is_counted_and_told_once(inner: InnerSuite, workers: tuple[str, ...]) -> None:
    """After a pair that did not start, tests that need one fail without a word each, and their claims are invalid."""
    inner.claims("FT-1=failover", "FT-2=failover")
    inner.tests("""
        @claim("FT-1")
        @control(sabotage="no-rewriter", checker="nothing_lost")
        def test_first(sabotage):
            raise StartupFailed("host_a went through setup, active, device, completed")

        @claim("FT-2")
        @control(sabotage="no-rewriter", checker="nothing_lost")
        @pytest.mark.parametrize("number", range(3))
        def test_others(number, sabotage):
            raise NotTried("host_a went through setup, active, device, completed")
        """)
    ran = inner.run("--tb=auto", *workers)
    assert ran.code == 1
    assert {name: claim["verdict"] for name, claim in ran.claims.items()} == {"FT-1": "invalid", "FT-2": "invalid"}
    assert "1 failed, 2 skipped, 3 not tried" in ran.text
    assert "NotTried" not in ran.text
    assert ran.text.count("FAILED suites") == 1
