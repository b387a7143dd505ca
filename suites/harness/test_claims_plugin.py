"""Tests and claims are held against each other, and controls run, as fixtures/claims.py promises."""

import pytest

from suites.harness.innersuite import InnerSuite

BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "xdist"])
SOUND = """
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(sabotage):
    judge(sabotage)
"""
NOTHING_TO_SAY = "claim FT-1 has no control"


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1 of area failover."""
    return InnerSuite(pytester)


@BOTH
def test_claim_holds_when_its_control_was_noticed(inner: InnerSuite, workers: tuple[str, ...]) -> None:
    """A sound pass and a noticed sabotage make a valid claim."""
    inner.tests(SOUND)
    ran = inner.run(*workers)
    assert ran.code == 0, ran.text
    assert ran.claims["FT-1"] | {"seconds": 0} == {
        "id": "FT-1",
        "verdict": "valid",
        "seconds": 0,
        "tests": 2,
        "area": "failover",
        "reason": "",
        "failed_tests": [],
    }
    assert ran.broken == []


def test_sound_item_keeps_its_plain_id(inner: InnerSuite) -> None:
    """The sound test is test_it, its control test_it[control:…], right behind."""
    inner.tests(SOUND)
    assert inner.run("-v").ids == ["test_it", "test_it[control:no-rewriter]"]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        pytest.param("def test_it(): pass", "test_it: no claim", id="no claim"),
        pytest.param("@claim('FT-9')\ndef test_it(): pass", "no claim FT-9 in claims.toml", id="unknown claim"),
        pytest.param("@claim('CP-1')\ndef test_it(): pass", "claim CP-1 is of area checkpoint", id="other area"),
        pytest.param(
            "@claim('FT-1')\n@control(sabotage='x', checker='y')\ndef test_it(): pass",
            "no fixture of the test takes a sabotage",
            id="no sabotage",
        ),
        pytest.param(
            "@claim('FT-1')\n@control(sabotage='x', checker='y', on='z')\ndef test_it(sabotage): pass",
            "@control(on='z') names none",
            id="no such parameters",
        ),
        pytest.param(
            "@claim('FT-1')\n@pytest.mark.needs('a unicorn')\ndef test_it(): pass",
            "no probe for needs('a unicorn')",
            id="unknown need",
        ),
        pytest.param(
            "@claim('FT-1')\n@pytest.mark.xdist_group('x')\ndef test_it(): pass",
            "xdist_group does nothing here",
            id="xdist_group",
        ),
        pytest.param("@claim('FT-1')\ndef test_it(): pass", "claim CP-1 has no test", id="claim without test"),
        pytest.param("@claim('FT-1')\ndef test_it(): pass", NOTHING_TO_SAY, id="claim without control"),
    ],
)
def test_collection_fails(inner: InnerSuite, source: str, complaint: str) -> None:
    """A mistake in the book-keeping ends the run before it begins, with a line that says which."""
    inner.claims("FT-1=failover", "CP-1=checkpoint")
    inner.tests(source)
    ran = inner.run()
    assert ran.code == pytest.ExitCode.USAGE_ERROR, ran.text
    assert [line for line in ran.errors.splitlines() if line.startswith("ERROR: ") and complaint in line]
    assert any(complaint in fault for fault in ran.broken)


def test_collection_fails_under_xdist(inner: InnerSuite) -> None:
    """Workers find the mistakes, the controller reports them: same exit code, same lines."""
    inner.tests("def test_it(): pass")
    ran = inner.run("-n", "2")
    assert ran.code == pytest.ExitCode.USAGE_ERROR, ran.text
    assert "ERROR: suites/failover/test_a.py::test_it: no claim" in ran.text
    assert len(ran.broken) == 2  # no claim, and the claim that has no test


def test_unknown_area(inner: InnerSuite) -> None:
    """A folder below suites/ that is no area is a mistake."""
    inner.tests(SOUND)
    inner.tests("def test_it(): pass", "misc/test_m.py")
    ran = inner.run()
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "suites/misc is no area" in ran.errors


@pytest.mark.parametrize("arguments", [("suites/failover/test_a.py",), ("--ignore=suites/checkpoint",)], ids=" ".join)
def test_a_part_of_the_suite_may_leave_claims_out(inner: InnerSuite, arguments: tuple[str, ...]) -> None:
    """Only the whole suite has to cover all claims."""
    inner.claims("FT-1=failover", "CP-1=checkpoint")
    inner.tests(SOUND)
    assert inner.run(*arguments).code == 0


def test_deselection_does_not_uncover_claims(inner: InnerSuite) -> None:
    """Claims are counted before -m and -k."""
    inner.tests(SOUND + "\n@pytest.mark.slow\n@claim('FT-1')\ndef test_long(): pass")
    ran = inner.run("-m", "slow")
    assert ran.code == 0, ran.errors
    assert ran.claims["FT-1"]["tests"] == 1


def test_harness_needs_no_claim(inner: InnerSuite) -> None:
    """Self-tests decide no claim; a claim about the harness needs no control."""
    inner.claims("FT-1=failover", "RUN-1=harness")
    inner.tests(SOUND)
    inner.tests("def test_it(): pass\n\n@claim('RUN-1')\ndef test_run(): pass", "harness/test_h.py")
    ran = inner.run("-m", "harness or failover")
    assert ran.code == 0, ran.errors
    assert set(ran.claims) == {"FT-1", "RUN-1"}


@pytest.mark.parametrize(
    ("body", "verdict", "reason", "broken"),
    [
        ("if sabotage: pass", "unknown", "sabotage 'no-rewriter' went unnoticed: the test passed", 0),
        (
            "if sabotage: raise violation('stall_below')",
            "unknown",
            "sabotage 'no-rewriter' went unnoticed: nothing_lost said nothing; only stall_below said no",
            0,
        ),
        ("if sabotage: raise GuestFailure('mute')", "unknown", "for another reason: GuestFailure: mute", 0),
        ("if sabotage: raise Undecided('dark')", "unknown", "for another reason: Undecided: dark", 0),
        ("if sabotage: raise OSError('full')", "unknown", "for another reason: OSError: full", 1),
    ],
    ids=["unnoticed", "other checker", "other failure", "undecided", "harness"],
)
def test_failed_control_makes_a_claim_unknown(
    inner: InnerSuite, body: str, verdict: str, reason: str, broken: int
) -> None:
    """Only the named checker's no counts; an error of the harness in a control is the harness's trouble."""
    inner.tests(SOUND.replace("judge(sabotage)", body))
    ran = inner.run()
    assert ran.code == pytest.ExitCode.TESTS_FAILED
    assert ran.claims["FT-1"]["verdict"] == verdict
    assert reason in ran.claims["FT-1"]["reason"]
    assert ran.claims["FT-1"]["failed_tests"] == ["suites/failover/test_a.py::test_it[control:no-rewriter]"]
    assert len(ran.broken) == broken


def test_one_of_several_checkers_suffices(inner: InnerSuite) -> None:
    """A tuple of checkers is met by any of them."""
    inner.tests(SOUND.replace('"nothing_lost"', '("no_reset", "nothing_lost")'))
    assert inner.run().code == 0


def test_control_is_not_tried_after_its_test_failed(inner: InnerSuite) -> None:
    """The claim is invalid; what its control would have said is not asked."""
    inner.tests(SOUND.replace("judge(sabotage)", "raise violation()"))
    ran = inner.run("-rs")
    assert ran.claims["FT-1"]["verdict"] == "invalid"
    assert ran.claims["FT-1"]["reason"] == "nothing_lost: record 7 is lost."
    assert "its claim's test did not pass" in ran.text


def test_control_alone_proves_nothing(inner: InnerSuite) -> None:
    """Without its twin in the same run a control fails and says what to select."""
    inner.tests(SOUND)
    ran = inner.run("suites/failover/test_a.py::test_it[control:no-rewriter]")
    assert ran.code == pytest.ExitCode.TESTS_FAILED
    assert "select suites/failover/test_a.py::test_it as well" in ran.claims["FT-1"]["reason"]


def test_controls_run_on_one_parameter_set(inner: InnerSuite) -> None:
    """The first set, or the one that is named; nothing is shown as deselected."""
    inner.tests("""
    @claim("FT-1")
    @pytest.mark.parametrize("moment", ["idle", "busy"])
    @pytest.mark.parametrize("loss", ["kill", "freeze"])
    @control(sabotage="no-mirror", checker="nothing_lost")
    @control(sabotage="no-disk", checker="nothing_lost", on="freeze-busy")
    def test_it(sabotage, loss, moment):
        judge(sabotage)
    """)
    ran = inner.run("-v")
    assert ran.ids == [
        "test_it[kill-idle]",
        "test_it[kill-idle-control:no-mirror]",
        "test_it[kill-busy]",
        "test_it[freeze-idle]",
        "test_it[freeze-busy]",
        "test_it[freeze-busy-control:no-disk]",
    ]
    assert "deselected" not in ran.text
