"""Each checker says yes to a sound history and no to one of the same shape with one thing wrong."""

import importlib
import pkgutil

import pytest

from colo_harness import judge
from colo_harness.errors import ProductFailure, Undecided
from colo_harness.history import Entry, History
from colo_harness.judge import (
    Parametrised,
    Plain,
    StallBelow,
    Verdict,
    Violation,
    check,
    consoles_clean,
    exercised,
    new_sessions_open,
    no_reset,
    nothing_lost,
    symptoms_declared,
    worst,
)
from suites.harness.cases import CASES as USUAL
from suites.harness.cases import STATES, Case
from suites.harness.cases_applications import APPLICATIONS
from suites.harness.cases_performance import PERFORMANCE
from suites.harness.cases_variants import VARIANTS
from suites.harness.histories import (
    changed,
    ended,
    failover,
    shape,
    without,
)

CASES = [*USUAL, *VARIANTS, *PERFORMANCE, *APPLICATIONS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_says_yes_to_a_sound_history(case: Case) -> None:
    """A sound history is valid, and the verdict carries the checker's name."""
    verdict = case.checker(case.sound())
    assert (verdict.checker, verdict.valid) == (case.checker.name, "valid"), verdict.reason


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_says_no_to_one_of_the_same_shape(case: Case) -> None:
    """One thing wrong is enough; invalid ones say where."""
    wrong = case.wrong(case.sound())
    assert shape(wrong) == shape(case.sound())
    verdict = case.checker(wrong)
    assert verdict.valid == case.says, verdict.reason
    assert verdict.reason
    assert verdict.valid == "unknown" or set(verdict.lines) <= {entry.line for entry in wrong}
    assert verdict.valid == "unknown" or (verdict.lines and verdict.at is not None)


@pytest.mark.parametrize("case", [case for case in CASES if case.unclear], ids=lambda case: case.id)
def test_says_unknown_where_the_history_is_silent(case: Case) -> None:
    """What the history does not show is never a pass."""
    assert case.unclear
    assert case.checker(without(case.sound(), case.unclear)).valid == "unknown"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_does_not_depend_on_the_order_of_recording(case: Case) -> None:
    """Threads record late what happened early: only the times count."""
    sound, wrong = case.sound(), case.wrong(case.sound())
    assert case.checker(sound[::-1]).valid == "valid"
    assert case.checker(wrong[::-1]).valid == case.says


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_says_nothing_good_of_an_empty_history(case: Case) -> None:
    """An empty history proves nothing; only what must not be there is rightly absent."""
    absent = case.checker in (consoles_clean, symptoms_declared)
    assert case.checker([]).valid == ("valid" if absent else "unknown")


def test_every_checker_has_its_histories() -> None:
    """No checker of the judge's modules is missing from this file."""
    found = set()
    for info in pkgutil.iter_modules(judge.__path__):
        for thing in vars(importlib.import_module(f"{judge.__name__}.{info.name}")).values():
            if isinstance(thing, Plain):
                found.add(thing.name)
            elif isinstance(thing, type) and issubclass(thing, Parametrised) and thing is not Parametrised:
                found.add(thing.__name__)
    tried = {case.id if isinstance(case.checker, Plain) else type(case.checker).__name__ for case in CASES}
    assert tried == found


def test_names_are_snake_case() -> None:
    """A parametrised checker is called like its class."""
    assert (StallBelow(1).name, exercised.name) == ("stall_below", "exercised")


def test_check_records_each_verdict_and_passes_what_is_sound() -> None:
    """The always-on checkers are heard without being asked for."""
    history = History.of(failover())
    check(history, exercised, no_reset)
    told = [(entry.what, entry.data["verdict"]) for entry in history if entry.kind == "check"]
    names = ["exercised", "no_reset", "consoles_clean", "symptoms_declared"]
    assert told == [(name, "valid") for name in names]


def test_check_hears_all_checkers_and_names_each_that_says_no() -> None:
    """One sentence for each invalid checker; unknown ones are in the verdicts only."""
    history = History.of(
        changed(
            failover(),
            ended("echo", got="512:00000004"),
            type="info",
            error="ConnectionResetError",
            sent=None,
            got=None,
        )
    )
    with pytest.raises(Violation) as caught:
        check(history, no_reset, nothing_lost, new_sessions_open, STATES)
    assert isinstance(caught.value, ProductFailure)
    assert str(caught.value).splitlines() == [
        "no_reset: echo-0 echo(n=4) ended with ConnectionResetError (at 6.210 s)."
    ]
    told = {verdict.checker: verdict.valid for verdict in caught.value.verdicts}
    assert told["no_reset"] == "invalid"
    assert told["nothing_lost"] == "unknown"
    assert len(told) == 6


def test_check_judges_symptoms_unasked() -> None:
    """A guest that oopses fails every test."""
    history = History.of([Entry(1, "console", "host_b", "Kernel panic - not syncing", {}, 2)])
    with pytest.raises(Violation, match=r"consoles_clean: host_b's console \(panic\)"):
        check(history)


def test_a_checker_that_crashes_is_never_a_pass() -> None:
    """Its verdict is unknown and carries the exception's text."""

    def clumsy(entries: object) -> Verdict:
        raise LookupError(f"{entries} is odd")

    with pytest.raises(Undecided, match=r"clumsy: the checker crashed: LookupError: \[\] is odd"):
        check(History.of([]), Plain(clumsy))


def test_worst_verdict_wins() -> None:
    """Invalid is worse than unknown, unknown than valid; no verdict at all is unknown."""
    valid, unknown, invalid = (Verdict("", valid, "") for valid in ("valid", "unknown", "invalid"))
    assert worst([valid, invalid, unknown]) == "invalid"
    assert worst([valid, unknown]) == "unknown"
    assert worst([valid]) == "valid"
    assert worst([]) == "unknown"
