"""A recorded history holds all that its checkers need: heard again, they say the same."""

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colo_harness import judge as room
from colo_harness.errors import Undecided, UsageError
from colo_harness.history import Entry, History
from colo_harness.judge import (
    CaughtInFlight,
    Checker,
    Opened,
    Parametrised,
    Plain,
    StallBelow,
    StatesSeen,
    Violation,
    check,
    exercised,
    no_reset,
    nothing_lost,
)
from colo_harness.judge.again import NOT_WHOLE, Rejudgement, again
from colo_harness.judge.judgement import ALWAYS
from colo_harness.judge.register import form, make, parse, register
from colo_harness.recording import load
from suites.harness.cases import CASES, Case
from suites.harness.histories import changed, ended, failover, without

WITH_PARAMETERS = [known for known in register().values() if isinstance(known, type)]
PANIC = "Kernel panic - not syncing"


def recorded(path: Path, entries: Iterable[Entry], *checkers: Checker) -> list[Entry]:
    """Record these entries and the judgement on them, as a test does, and more behind it; return what was judged."""
    with History(path) as history:
        for entry in entries:
            history.append(entry.kind, entry.who, entry.what, entry.data, at=entry.at)
        judged = history.entries
        with suppress(Violation, Undecided):
            check(history, *checkers)
        history.record("console", "host_a", PANIC)
    return judged


def rejudged(path: Path, *asked: Checker) -> Rejudgement:
    """Judge the file again."""
    return again(load(path).entries, asked)


def told(path: Path) -> list[Any]:
    """Return the lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tell(path: Path, lines: Iterable[Any]) -> None:
    """Write a file of these lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "history.jsonl"


def sound(case: Case) -> list[Entry]:
    """Return the history that the case's checker must pass."""
    return case.sound()


def wrong(case: Case) -> list[Entry]:
    """Return the history that it must fail."""
    return case.wrong(case.sound())


def silent(case: Case) -> list[Entry]:
    """Return the history that leaves the case's checker undecided."""
    return without(case.sound(), case.unclear) if case.unclear else []


class TestEvidence:
    """No checker knows anything but what the file says."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
    @pytest.mark.parametrize("tale", [sound, wrong, silent])
    def test_the_file_says_what_memory_said(
        self, path: Path, case: Case, tale: Callable[[Case], Sequence[Entry]]
    ) -> None:
        """Verdict, reason, moment and lines."""
        judged = recorded(path, tale(case), case.checker)
        rejudgement = rejudged(path)
        assert rejudgement.hearings[0].now == case.checker(judged)
        assert [hearing.differs for hearing in rejudgement.hearings] == [False] * len(rejudgement.hearings)
        assert {hearing.now.checker for hearing in rejudgement.hearings} == {case.id, *(one.name for one in ALWAYS)}
        assert rejudgement.doubt == ""


class TestRegister:
    """Every checker has its name there, and can be made of what was written down."""

    def test_no_checker_is_missing(self) -> None:
        """Whatever the sources of the room define."""
        defined = []
        for source in Path(room.__file__).parent.glob("*.py"):
            for thing in ast.parse(source.read_text(encoding="utf-8")).body:
                above = getattr(thing, "decorator_list", []) if isinstance(thing, ast.FunctionDef) else []
                bases = thing.bases if isinstance(thing, ast.ClassDef) else []
                if "checker" in map(ast.unparse, above) or "Parametrised" in map(ast.unparse, bases):
                    defined.append(getattr(thing, "name", ""))
        known = [one.name if isinstance(one, Plain) else one.__name__ for one in register().values()]
        assert sorted(defined) == sorted(known)

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
    def test_a_checker_comes_back_as_it_was(self, case: Case) -> None:
        """From a history, and from what a user is shown."""
        written = json.loads(json.dumps(case.checker.parameters))
        assert make(case.checker.name, written) == case.checker
        assert parse(form(case.checker)) == case.checker

    @pytest.mark.parametrize("kind", WITH_PARAMETERS, ids=lambda kind: kind.__name__)
    @given(data=st.data())
    @settings(derandomize=True, deadline=None, max_examples=20)
    def test_so_it_does_with_any_parameters(self, kind: type[Parametrised], data: st.DataObject) -> None:
        """Whatever its types allow."""
        checker = kind(**{name: data.draw(values(hint), name) for name, hint in get_type_hints(kind).items()})
        assert make(checker.name, json.loads(json.dumps(checker.parameters))) == checker
        assert parse(form(checker)) == checker

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("no_rest", r"there is no checker 'no_rest'; did you mean no_reset\?"),
            ("", "there is no checker ''"),
            ("__import__('os')", "there is no checker"),
            ("no_reset {", "the parameters of no_reset are no JSON object"),
            ("stall_below {margin_s: 2}", "the parameters of stall_below are no JSON object"),
            ('no_reset {"x": 1}', "no_reset has no parameters"),
            ("stall_below", "stall_below: margin_s is missing"),
            ('stall_below {"margin_s": "2"}', "stall_below: margin_s: '2' is not a number"),
            ('stall_below {"margin_s": NaN}', "stall_below: margin_s: nan is not finite"),
            ('stall_below {"margin_s": 2, "margin": 3}', "stall_below: margin is not known here"),
            ('opened {"side": "behind"}', "opened: side: 'behind' is none of 'before', 'after'"),
            ('states_seen {"expected": [[["a", "b"], 1]]}', r"states_seen: expected\[0\]\[0\]: .* no array of 3"),
            ('caught_in_flight {"kinds": ' + "[" * 2000, "the parameters of caught_in_flight are no JSON object"),
        ],
    )
    def test_what_makes_no_checker_is_refused(self, text: str, told: str) -> None:
        """The user learns what is wrong, and what would be right."""
        with pytest.raises(UsageError, match=told) as caught:
            parse(text)
        assert caught.value.remedy

    def test_a_checker_that_could_not_be_heard_again_is_not_heard_at_all(self) -> None:
        """Its author learns it from the first run."""
        with pytest.raises(TypeError, match="would come back from a history as"):
            check(History.of(failover()), CaughtInFlight(["echo"]))  # type: ignore[arg-type]  # the mistake
        with pytest.raises(TypeError, match="has no form in JSON"):
            check(History.of(failover()), StatesSeen({("host_a", "x", "y"): {1: object()}}))


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return any values of a parameter's type; numbers are finite, and what a state may be is no array."""
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | st.integers() | st.text()
    answers = scalars | st.tuples(scalars, scalars) | st.dictionaries(st.text(), scalars)
    ours: dict[Any, st.SearchStrategy[Any]] = {
        float: numbers,
        float | None: st.none() | numbers,
        Mapping[str, object]: st.dictionaries(st.text(), answers, max_size=4),
        Mapping[tuple[str, str, str], object]: st.dictionaries(st.tuples(*[st.text()] * 3), answers, max_size=4),
    }
    return ours.get(hint, st.from_type(hint))


class TestAgain:
    """What was judged then is judged again, and compared."""

    def test_only_what_was_judged_then_is_judged(self, path: Path) -> None:
        """What the end of the test did came later: a guest's panic is not held against it."""
        recorded(path, failover(), exercised)
        assert rejudged(path).valid == "valid"
        assert rejudged(path, no_reset).valid == "valid"

    def test_each_of_two_judgements_hears_its_own_stretch(self, path: Path) -> None:
        """The second one hears the panic behind the first."""
        with History(path) as history:
            history.record("console", "host_a", "GUEST-READY")
            check(history)
            history.record("console", "host_a", PANIC)
            with pytest.raises(Violation):
                check(history)
        rejudgement = rejudged(path)
        said = [hearing.now.valid for hearing in rejudgement.hearings if hearing.now.checker == "consoles_clean"]
        assert said == ["valid", "invalid"]
        assert not any(hearing.differs for hearing in rejudgement.hearings)

    def test_a_history_that_was_changed_shows(self, path: Path) -> None:
        """Someone mended an answer: the verdict of then does not fit any more."""
        recorded(path, changed(failover(), ended("echo", got="512:00000004"), got="512:bad"), nothing_lost)
        lines = told(path)
        (line,) = (line for line in lines if line.get("data", {}).get("got") == "512:bad")
        line["data"]["got"] = "512:00000004"
        tell(path, lines)
        (hearing,) = (one for one in rejudged(path).hearings if one.differs)
        assert hearing.then
        assert (hearing.then.valid, hearing.now.valid, hearing.checker) == ("invalid", "valid", "nothing_lost")
        assert rejudged(path).valid == "valid"

    @pytest.mark.parametrize(
        ("part", "other"), [("reason", "fine"), ("lines", [2]), ("at", 1.0), ("verdict", "unknown")]
    )
    def test_a_verdict_that_was_changed_shows(self, path: Path, part: str, other: object) -> None:
        """Any part of it."""
        recorded(path, failover(), StallBelow(margin_s=2.5))
        lines = told(path)
        (check_line,) = (line for line in lines if line.get("what") == "stall_below")
        check_line["data"][part] = other
        tell(path, lines)
        assert [one.now.checker for one in rejudged(path).hearings if one.differs] == ["stall_below"]

    @pytest.mark.parametrize(
        ("name", "parameters", "why"),
        [
            ("stalls_below", {"margin_s": 2.5}, "there is no checker 'stalls_below'"),
            ("stall_below", {"margin": 2.5}, "stall_below: margin_s is missing"),
        ],
    )
    def test_a_checker_that_is_gone_decides_nothing(
        self, path: Path, name: str, parameters: dict[str, Any], why: str
    ) -> None:
        """It has another name now, or other parameters."""
        recorded(path, failover(), StallBelow(margin_s=2.5))
        lines = told(path)
        (line,) = (line for line in lines if line.get("what") == "stall_below")
        line["what"] = name
        line["data"]["parameters"] = parameters
        tell(path, lines)
        rejudgement = rejudged(path)
        assert rejudgement.valid == "unknown"
        assert rejudgement.hearings[0].now.reason.startswith(f"cannot be heard again: {why}")

    def test_others_can_be_heard_in_place_of_those_of_then(self, path: Path) -> None:
        """The always-on ones beside them; what was heard then with the same parameters is compared."""
        recorded(path, failover(), Opened("after"), StallBelow(margin_s=2.5))
        assert rejudged(path).valid == "invalid"
        rejudgement = rejudged(path, Opened("before"), StallBelow(margin_s=2.5))
        heard = [(hearing.checker, hearing.then is not None) for hearing in rejudgement.hearings]
        assert heard == [
            ('opened {"side": "before"}', False),
            ('stall_below {"margin_s": 2.5}', True),
            ("consoles_clean", True),
            ("symptoms_declared", True),
        ]

    def test_a_test_that_was_never_judged_is_no_pass(self, path: Path) -> None:
        """The always-on checkers hear all of it; unless others are asked for, nothing is decided."""
        tell(path, (line for line in _judged(path) if line.get("kind") != "check"))
        rejudgement = rejudged(path)
        assert (rejudgement.valid, rejudgement.doubt) == ("invalid", NOT_WHOLE)
        tell(path, (line for line in told(path) if line.get("what") != PANIC))
        assert (rejudged(path).valid, rejudged(path).doubt) == ("unknown", NOT_WHOLE)
        assert rejudged(path, exercised).valid == "valid"

    def test_a_judgement_that_was_cut_off_is_no_pass(self, path: Path) -> None:
        """Of its verdicts, some were never written."""
        lines = _judged(path)
        last = next(at for at, line in enumerate(lines) if line.get("what") == "no_reset")
        tell(path, lines[:last])
        rejudgement = rejudged(path)
        assert [hearing.now.checker for hearing in rejudgement.hearings][:1] == ["exercised"]
        assert (rejudgement.valid, rejudgement.doubt) == ("unknown", NOT_WHOLE)


def _judged(path: Path) -> list[Any]:
    recorded(path, failover(), exercised, no_reset)
    return told(path)
