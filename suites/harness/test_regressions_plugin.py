"""A test that carries a regression says what is known of the release, and must fail where the bug is."""

from collections.abc import Callable

import pytest

from colo_harness.qemu.interval import stretches
from colo_harness.qemu.issues import Issue
from fixtures import regressions
from suites.harness.innersuite import InnerSuite

TEST = """
@pytest.mark.regression("{ticket}")
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(sabotage):
    judge(sabotage or {broken})
"""
KNOWN = "as expected of 11.1.3: regression 0b5bf4ea76, known since 11.1, mended in 11.2"


TICKET = "0b5bf4ea76"
Known = Callable[..., None]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """Return what makes one issue the only one that is known, on the releases that are given."""

    def only(**releases: str) -> None:
        monkeypatch.setattr(regressions, "issues", lambda: {TICKET: Issue("it breaks", "a link", **releases)})

    return only


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1, on QEMU 11.1.3."""
    return InnerSuite(pytester)


@pytest.mark.parametrize("word", ["fails_on", "may_fail_on"])
def test_a_failure_that_is_known_says_so(inner: InnerSuite, known: Known, word: str) -> None:
    """In what is printed and in the claim's reason, before what the checker saw; the claim stays invalid."""
    known(**{word: ">=10.0 <10.1, >=11.1 <11.2"})
    inner.tests(TEST.format(ticket=TICKET, broken=True))
    ran = inner.run()
    assert ran.claims["FT-1"]["verdict"] == "invalid"
    assert ran.claims["FT-1"]["reason"].startswith(f"{KNOWN}; nothing_lost: record 7 is lost")
    assert f"  {KNOWN}" in ran.text


SET_UP = """
@pytest.fixture
def pair():
    raise StartupFailed("waited 20 s for RESUME of host_a")

@pytest.mark.parametrize("accel", ["{accel}"])
@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(pair, accel, sabotage):
    pass
"""


def test_a_pair_that_does_not_start_as_is_known_says_so(inner: InnerSuite, known: Known) -> None:
    """Whatever the test and its control were made for, where the failure reads as the issue does."""
    known(may_fail_on="<11.2", accel="tcg", reads="RESUME of host_[ab]")
    inner.tests(SET_UP.format(accel="tcg"))
    assert inner.run().claims["FT-1"]["reason"].startswith(f"{KNOWN.replace('known since 11.1, ', '')}; waited 20 s")


@pytest.mark.parametrize(
    "said",
    [{"reads": "STOP of host_a"}, {"reads": "RESUME", "accel": "kvm"}, {"accel": "tcg"}, {"may_fail_on": "<11.1"}],
    ids=["other-words", "other-accelerator", "no-words", "other-release"],
)
def test_a_pair_that_does_not_start_otherwise_does_not(inner: InnerSuite, known: Known, said: dict[str, str]) -> None:
    """It reads otherwise, or the issue is that of another accelerator or release."""
    known(**{"may_fail_on": "<11.2", **said})
    inner.tests(SET_UP.format(accel="tcg"))
    assert inner.run().claims["FT-1"]["reason"].startswith("waited 20 s")


def test_a_failure_elsewhere_is_not_known(inner: InnerSuite, known: Known) -> None:
    """On a release outside of the stretches nothing is said."""
    known(fails_on=">=11.0 <11.1.3, >=11.2 <11.3")
    inner.tests(TEST.format(ticket=TICKET, broken=True))
    ran = inner.run()
    assert ran.claims["FT-1"]["reason"].startswith("nothing_lost")
    assert "as expected" not in ran.text


def test_who_must_fail_may_not_pass(inner: InnerSuite, known: Known) -> None:
    """Where a test must fail and passes, it cannot see the bug: its claim is unknown."""
    known(fails_on="<11.2")
    inner.tests(TEST.format(ticket=TICKET, broken=False))
    ran = inner.run()
    assert ran.claims["FT-1"]["verdict"] == "unknown"
    assert ran.claims["FT-1"]["reason"].startswith("must fail here, but passed: 11.1.3 has regression 0b5bf4ea76")


@pytest.mark.parametrize(
    "said", [{"may_fail_on": "<11.2"}, {"fails_on": "<11.1"}, {}], ids=["may", "elsewhere", "unknown"]
)
def test_who_need_not_fail_may_pass(inner: InnerSuite, known: Known, said: dict[str, str]) -> None:
    """A pass counts where the bug shows by luck, or is not, or nobody knows where it is; controls count as ever."""
    known(**said)
    inner.tests(TEST.format(ticket=TICKET, broken=False))
    ran = inner.run()
    assert (ran.claims["FT-1"]["verdict"], ran.claims["FT-1"]["tests"]) == ("valid", 2)


def test_a_control_need_not_fail(inner: InnerSuite, known: Known) -> None:
    """Of a test that fails, as a finding says and as it must, the control passes as ever."""
    known(fails_on="<11.2")
    marked = '@pytest.mark.xfail(strict=True, reason="finding: 0001")' + TEST.format(ticket=TICKET, broken=True)
    inner.tests(marked)
    ran = inner.run()
    assert (ran.claims["FT-1"]["verdict"], ran.claims["FT-1"]["tests"]) == ("known", 2)


@pytest.mark.parametrize("ticket", ["2cc637f1ea", f'{TICKET}", fails_on="<11.2'], ids=["unknown", "interval"])
def test_a_marker_of_no_known_issue_is_refused(inner: InnerSuite, known: Known, ticket: str) -> None:
    """And so is one that says more than its ticket."""
    known()
    inner.tests(TEST.format(ticket=ticket, broken=False))
    ran = inner.run()
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "a regression is the ticket of an issue of colo_harness/qemu/contracts/issues.toml" in ran.errors


@pytest.mark.parametrize(
    ("releases", "within", "without"),
    [
        ("<5.1", ["4.2.0", "5.0.0"], ["5.1.0", "10.0.2"]),
        (">=10.0 <10.0.7, >=10.1 <10.2", ["10.0.0", "10.0.6", "10.1.3"], ["9.2.4", "10.0.7", "10.0.13", "10.2.0"]),
        (">=10.0 <10.1", ["10.0.2"], ["10.0.50", "10.0.91", "", "unknown"]),
    ],
    ids=["since-ever", "two", "no-release"],
)
def test_stretches(releases: str, within: list[str], without: list[str]) -> None:
    """A stretch has its first release and not the one that mended it; what is no release lies in none."""
    found = stretches(releases)
    assert [one for one in within if not any(stretch.holds(one) for stretch in found)] == []
    assert [one for one in without if any(stretch.holds(one) for stretch in found)] == []
