"""The scorecard: the verdict on each claim, made of what its tests came to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "passed",
    "skipped",  # something in the environment is missing, or a control's own claim already failed
    "known",  # failed as a finding says
    "unnoticed",  # a control in which the claim's checker did not say no
    "undecided",  # the history does not show it
    "missing",  # never ran to its end
    "broken",  # the harness or the machine is at fault
    "invalid",  # QEMU broke the promise
]
Verdict = Literal["skipped", "valid", "known", "unknown", "invalid"]

_KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]  # from best to worst
VERDICTS: tuple[Verdict, ...] = Verdict.__args__  # type: ignore[attr-defined]  # from best to worst
_VERDICT_OF: dict[Kind, Verdict] = {
    "passed": "valid",
    "skipped": "skipped",
    "known": "known",
    "invalid": "invalid",
}


@dataclass(frozen=True)
class Planned:
    """A test that the run set out to do; `control` is the name of its sabotage, if it has one."""

    test: str
    claims: tuple[str, ...]
    area: str
    control: str | None = None
    guest: str = ""
    """What runs in the pair: linux, tick or foreign; none where there is no pair."""
    accel: str = ""
    """The accelerator that the test asks for, where it asks for one."""


@dataclass(frozen=True)
class Outcome:
    """What one phase (setup, call, teardown) of one test came to, in `seconds`."""

    test: str
    phase: str
    kind: Kind
    seconds: float
    reason: str = ""
    need: str = ""
    """What the environment lacks, for a skip."""
    expected: str = ""
    """What is known of the release under test, where that explains a failure."""


@dataclass
class Course:
    """What a test came to so far: its worst phase."""

    kind: Kind = "passed"
    reason: str = ""
    seconds: float = 0.0
    ended: bool = False
    expected: str = ""

    def add(self, outcome: Outcome) -> None:
        """Take in one more phase."""
        self.seconds += outcome.seconds
        self.ended = self.ended or outcome.phase == "teardown" or outcome.kind != "passed"
        if _KINDS.index(outcome.kind) > _KINDS.index(self.kind):
            self.kind, self.reason, self.expected = outcome.kind, outcome.reason, outcome.expected


@dataclass(frozen=True)
class Score:
    """The verdict on one claim; `reason` is one sentence, empty for `valid`; `seconds` sums its tests."""

    id: str
    verdict: Verdict
    seconds: float
    tests: int
    area: str
    reason: str
    failed_tests: list[str]


@dataclass
class Scorecard:
    """What a run planned, what became of it, and what broke outside any test."""

    planned: dict[str, Planned] = field(default_factory=dict)
    courses: dict[str, Course] = field(default_factory=dict)
    skipped_for: dict[str, int] = field(default_factory=dict)
    """The number of tests skipped for each need."""
    _broken: list[str] = field(default_factory=list)

    def plan(self, tests: Iterable[Planned]) -> None:
        """Say which tests are to run, before any outcome or after."""
        self.planned.update((test.test, test) for test in tests)

    def record(self, outcome: Outcome) -> None:
        """Take in one phase of one test."""
        self.courses.setdefault(outcome.test, Course()).add(outcome)
        if outcome.need:
            self.skipped_for[outcome.need] = self.skipped_for.get(outcome.need, 0) + 1
        if outcome.kind == "broken":
            self.add_broken(f"{outcome.test}: {outcome.reason}")

    def add_broken(self, what: str) -> None:
        """Note a fault of the harness, the machine or the invocation."""
        if what not in self._broken:
            self._broken.append(what)

    @property
    def broken(self) -> list[str]:
        """Everything that went wrong on this side, failed self-tests and missing tests included."""
        helpers = [
            f"{test.test}: {course.reason}"
            for test, course in self._pairs(self.planned.values())
            if not test.claims and course.kind not in ("passed", "skipped", "known", "missing", "broken")
        ]
        missing = [test for test, course in self._pairs(self.planned.values()) if course.kind == "missing"]
        ended = [f"the run ended before {len(missing)} of its tests"] if missing else []
        return [*self._broken, *helpers, *ended]

    def scores(self) -> list[Score]:
        """Return one score for each claim that has a planned test, in the order of the plan."""
        tests: dict[str, list[Planned]] = {}
        for test in self.planned.values():
            for claim in test.claims:
                tests.setdefault(claim, []).append(test)
        return [self._score(claim, of_claim) for claim, of_claim in tests.items()]

    def document(self, release: str | None, accel: str | None) -> dict[str, Any]:
        """Return the JSON form: release, accel, claims, tests, skipped, broken."""
        claims = [dict(vars(score), seconds=round(score.seconds, 3)) for score in self.scores()]
        tests = [
            {
                "id": test.test,
                "claims": list(test.claims),
                "control": test.control,
                "guest": test.guest,
                "accel": test.accel or (accel if test.guest else ""),
                "verdict": _verdict(test, course),
                "seconds": round(course.seconds, 3),
                "ended": course.kind != "missing",
                "reason": course.reason,
                "expected": course.expected,
            }
            for test, course in self._pairs(self.planned.values())
        ]
        told = {"release": release, "accel": accel, "claims": claims, "tests": tests}
        return {**told, "skipped": self.skipped_for, "broken": self.broken}

    def _pairs(self, tests: Iterable[Planned]) -> list[tuple[Planned, Course]]:
        return [(test, self._course(test)) for test in tests]

    def _course(self, test: Planned) -> Course:
        course = self.courses.get(test.test, Course())
        if course.ended:
            return course
        return Course("missing", "the run ended before its test did", course.seconds, ended=True)

    def _score(self, claim: str, tests: list[Planned]) -> Score:
        pairs = self._pairs(tests)
        judged = [(test, course, _verdict(test, course)) for test, course in pairs]
        _, worst, verdict = max(judged, key=lambda one: VERDICTS.index(one[2]))
        failed = [test.test for test, _, each in judged if each in ("invalid", "unknown")]
        seconds = sum(course.seconds for _, course in pairs)
        return Score(claim, verdict, seconds, len(tests), tests[0].area, worst.reason, failed)


def _verdict(test: Planned, course: Course) -> Verdict:
    """Return what one test says of its claim: a control that fails, however it does, makes it unknown."""
    verdict = _VERDICT_OF.get(course.kind, "unknown")
    return "unknown" if test.control and verdict == "invalid" else verdict


def exit_status(document: Mapping[str, Any]) -> Literal[0, 1, 2, 3]:
    """Return the exit status for a claims.json that was read.

    0: every claim held, is a known finding or was skipped; 1: a claim is invalid, whatever else happened;
    2: the harness, the machine or the invocation was at fault; 3: nothing but unknown verdicts.
    """
    verdicts = {claim["verdict"] for claim in document["claims"]}
    if "invalid" in verdicts:
        return 1
    if document["broken"]:
        return 2
    return 3 if "unknown" in verdicts else 0
