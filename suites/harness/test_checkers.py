"""Each checker says yes to a sound history and no to one of the same shape with one thing wrong."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from colo_harness import judge
from colo_harness.errors import ProductFailure, Undecided
from colo_harness.history import Entry, History, Valid
from colo_harness.judge import (
    CaughtInFlight,
    Checker,
    ColoExit,
    DelayHonoured,
    DivergenceForces,
    FellAt,
    LossTold,
    NoForcedCheckpoint,
    Opened,
    Parametrised,
    Plain,
    QuietAfterDivergence,
    SilenceBounded,
    StallBelow,
    StatesSeen,
    Verdict,
    Violation,
    acknowledged_explained,
    check,
    consoles_clean,
    counter_monotonic,
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    sessions_go_on,
    survivors_run,
    symptoms_declared,
    worst,
)
from colo_harness.judge.asking import AskedBetween, AsksApart
from colo_harness.judge.blocks import (
    BuffersEmpty,
    CommandRefused,
    GuestTold,
    ManagerTold,
    Obeyed,
    flushed_kept,
    reads_documented,
    requests_answered,
)
from colo_harness.judge.delivery import DeliveredInOrder
from colo_harness.judge.disks import BlocksHold, MarksKept, disk_answers
from colo_harness.judge.documented import Covered, as_documented
from colo_harness.judge.entering import ColoEntered
from colo_harness.judge.frames import SecondarySilent, TimestampsGoOn
from colo_harness.judge.memory import GenerationPossible, MemoryEqual
from colo_harness.judge.pacing import NewDelayInForce
from colo_harness.judge.paws import timestamps_taken
from colo_harness.judge.prediction import ClientGotAsPredicted
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.reasons import ForcedBy
from colo_harness.judge.refusals import Refused
from colo_harness.judge.resuming import DisksEqual, ReplicatedAgain
from colo_harness.judge.rewriting import rewritten
from colo_harness.judge.routes import Routed
from colo_harness.judge.seen import Released, Saw
from colo_harness.judge.strain import MemoryKept, came_once, monitor_answers
from suites.harness.benches import (
    ONE,
    OTHER,
    REFUSALS,
    ROUTES,
    SESSION,
    STEPS,
    TICKS,
    TWO,
    compared,
    delivered,
    mapped,
    played,
    refused,
    routed,
    strained,
    ticking,
    waited,
)
from suites.harness.disks import flawed, powerless, replicated, unheard
from suites.harness.histories import (
    Match,
    after,
    changed,
    crossing,
    disks,
    divergence,
    ended,
    entry,
    failover,
    held_back,
    is_a,
    new_delay,
    pace,
    progress,
    renamed,
    rests,
    resumed,
    shape,
    survivor,
    without,
)

Spoil = Callable[[list[Entry]], list[Entry]]

OLD = SESSION.guest(b"tick", options=TICKS[0]).due.hex()
"""Of the first tick, after the second."""
STATES = StatesSeen({("host_b", "query-status", "after failover"): {"status": ("running", "paused")}})


@dataclass(frozen=True)
class Case:
    """A checker, a sound history, what is wrong in the other one, and what leaves it undecided, if anything can."""

    checker: Checker
    sound: Callable[[], list[Entry]]
    wrong: Spoil
    unclear: Match | None = None
    says: Valid = "invalid"

    @property
    def id(self) -> str:
        """The checker's name."""
        return self.checker.name


def change(match: Match, at: float | None = None, **data: object) -> Spoil:
    """Return what changes the first match."""
    return lambda entries: changed(entries, match, at=at, **data)


def say(match: Match, what: str) -> Spoil:
    """Return what makes the first match say something else."""
    return lambda entries: renamed(entries, match, what)


def promoted(entry: Entry) -> bool:
    """Match the phase "promoted"."""
    return entry.kind == "phase" and entry.what == "promoted"


def connected_late(entry: Entry) -> bool:
    """Match the end of the connection that is made after promotion."""
    return entry.who == "echo-1" and ended("connect")(entry)


CASES = [
    Case(
        DeliveredInOrder("tcp", held=2),
        held_back,
        lambda entries: changed(entries, after(2.04, is_a("frame")), hex=entries[2].data["hex"]),
        is_a("trace"),
    ),
    Case(
        ForcedBy(("payload tcp 0",)),
        held_back,
        lambda entries: changed(entries, is_a("frame", who="secondary_in"), hex=entries[1].data["hex"]),
        is_a("phase"),
    ),
    Case(exercised, failover, change(is_a("fault", type="bitten"), type="healed"), is_a("fault"), "unknown"),
    Case(CaughtInFlight(), failover, change(ended("download"), at=5.0), is_a("fault"), "unknown"),
    Case(
        no_reset,
        failover,
        change(ended("echo", got="512:00000003"), type="info", error="ConnectionResetError"),
        lambda entry: entry.kind == "op" and entry.what != "udp",
    ),
    Case(nothing_lost, failover, change(ended("echo"), got="512:bad"), ended("echo", got="512:00000004")),
    Case(acknowledged_explained, failover, change(ended("read"), text="log-0.1"), is_a("op", "read")),
    Case(counter_monotonic, failover, change(ended("counter-get"), n=1), is_a("op", "counter")),
    Case(StallBelow(margin_s=0.5), failover, change(ended("echo", got="512:00000003"), at=7.5), promoted),
    Case(
        new_sessions_open,
        failover,
        change(connected_late, type="fail", error="ConnectionRefusedError"),
        lambda entry: entry.who == "echo-1",
    ),
    Case(
        survivors_run,
        failover,
        change(is_a("observe", "query-status"), value={"status": "colo", "running": False}),
        is_a("observe"),
    ),
    Case(
        sessions_go_on,
        lambda: without(failover(), lambda entry: entry.who in ("udp-0", "log-0")),
        change(ended("counter-add", n=3), type="info", error="TimeoutError"),
        promoted,
    ),
    Case(failover_completed, failover, say(promoted, "stuck"), promoted),
    Case(Opened("before"), failover, change(is_a("op", "connect"), at=4.5), is_a("op", "connect"), "unknown"),
    Case(consoles_clean, failover, say(is_a("console"), "BUG: kernel NULL pointer dereference")),
    Case(symptoms_declared, failover, say(is_a("stderr"), "qemu-system-x86_64: Got unknown COLO message: 12")),
    Case(
        ColoExit({"host_b": ("secondary", {"error", "request"})}),
        failover,
        change(is_a("event", "COLO_EXIT"), mode="primary"),
        is_a("event", who="host_b"),
    ),
    Case(
        LossTold("host_b", within_s=1.0),
        failover,
        change(is_a("event", "COLO_EXIT"), at=6.5),
        is_a("fault"),
    ),
    Case(
        ReplicatedAgain(1),
        resumed,
        change(after(6, is_a("event", "RESUME", "host_a")), at=9.1),
        is_a("phase", "resume"),
    ),
    Case(DisksEqual(1), resumed, change(is_a("observe", "disks"), differs_at=67043328), is_a("observe")),
    Case(STATES, failover, change(is_a("observe", "query-status"), value={"status": "colo"}), is_a("observe")),
    Case(FellAt("idle"), failover, change(is_a("fault", type="bitten"), at=4.02), is_a("fault"), "unknown"),
    Case(ColoEntered(), entry, change(is_a("event", status="colo"), status="completed"), is_a("event")),
    Case(CheckpointsGoOn(), progress, change(after(2, is_a("console", who="host_b")), at=1.5), is_a("phase")),
    Case(DelayHonoured(1.0, periods=3), pace, change(after(3, is_a("event", "STOP")), at=2.3), is_a("phase")),
    Case(NoForcedCheckpoint(), pace, change(after(3, is_a("event", "STOP")), at=2.3), is_a("op")),
    Case(DivergenceForces(), divergence, change(ended("differ"), side="B"), is_a("op")),
    Case(
        NewDelayInForce(),
        new_delay,
        change(is_a("phase", "delay"), delay_s=4.0),
        is_a("phase", "delay"),
    ),
    Case(
        MemoryEqual(),
        rests,
        change(is_a("observe", "memory", "host_b", moment="round 3"), pages={"0x20000": "aa", "0x21000": "cc"}),
        is_a("console", "", "host_b"),
    ),
    Case(GenerationPossible(), survivor, change(is_a("observe", "generation"), generation=0x1F), is_a("trace")),
    Case(
        BlocksHold({3: "0000abcd"}),
        disks,
        change(ended("block"), crc32="0000dcba"),
        is_a("op", "block", "image"),
    ),
    Case(disk_answers, disks, change(ended("block"), type="info", error="EIO"), is_a("op")),
    Case(MarksKept(), disks, change(ended("read"), text="B" * 64), is_a("op", "mark")),
    Case(QuietAfterDivergence(), divergence, change(after(12.5, is_a("event", "STOP")), at=10.0), is_a("op")),
    Case(SecondarySilent(), crossing, change(is_a("frame", who="host_b"), at=5.1), is_a("frame")),
    Case(TimestampsGoOn(), crossing, change(is_a("frame", who="host_b"), tsval=3451065255), is_a("frame")),
    Case(Saw(STEPS), compared, change(is_a("frame", "out"), hex=TWO.hex()), is_a("phase")),
    Case(Released(1, at_least=2, at_most=2), compared, change(is_a("phase", "settled"), at=0.55), is_a("phase")),
    Case(as_documented, played, change(after(0.8, is_a("frame", "out")), hex=ONE.hex()), is_a("phase")),
    Case(
        Covered(("said primary",)),
        played,
        change(is_a("observe", "tally"), value={"said primary": 0}),
        is_a("observe"),
        "unknown",
    ),
    Case(Routed(ROUTES), routed, change(is_a("frame", "out", "guest"), hex=TWO.hex()), is_a("phase")),
    Case(Refused(REFUSALS), refused, change(is_a("observe"), value=None), is_a("observe")),
    Case(came_once, compared, change(is_a("frame", "out"), hex=TWO.hex()), is_a("frame")),
    Case(AskedBetween(0.4, 0.6), waited, change(is_a("frame", "out"), at=1.65), is_a("frame", "in")),
    Case(AsksApart(3, 0.15, 0.3), waited, change(is_a("frame", "out"), at=1.65), is_a("frame")),
    Case(MemoryKept(1000), strained, change(after(0.25, is_a("observe", "memory-kib")), value=42_000), is_a("observe")),
    Case(monitor_answers, strained, change(is_a("observe", "monitor"), value="silent"), is_a("observe")),
    Case(rewritten, mapped, change(is_a("frame", "out", who="client_out"), hex=TWO.hex()), is_a("frame")),
    Case(timestamps_taken, ticking, change(after(0.7, is_a("frame", "out")), hex=OLD), is_a("phase", "failover")),
    Case(reads_documented, replicated, change(ended("read"), runs=[[0, 1]]), is_a("op", "read")),
    Case(requests_answered, replicated, change(ended("write"), type="fail", error="EIO"), is_a("op")),
    Case(GuestTold("secondary"), flawed, change(ended("write"), type="ok"), is_a("op")),
    Case(ManagerTold("primary"), unheard, change(is_a("event"), at=0.001), is_a("phase", "started")),
    Case(
        CommandRefused("xen-colo-do-checkpoint", "Failed to empty"),
        flawed,
        change(is_a("observe", "refused"), value="Nothing runs"),
        is_a("observe", "refused"),
    ),
    Case(Obeyed("xen-colo-do-checkpoint"), replicated, say(is_a("observe", "obeyed"), "refused"), is_a("observe")),
    Case(
        BuffersEmpty(),
        replicated,
        change(is_a("observe", "buffers"), value={"active": 65536, "hidden": 0}),
        is_a("observe", "buffers"),
    ),
    Case(
        flushed_kept,
        powerless,
        change(after(1.25, is_a("op", "read", "power cut", type="ok")), runs=[[0, 1], [128, 2]]),
        is_a("observe", "journal"),
    ),
    Case(
        ClientGotAsPredicted(2),
        delivered,
        change(is_a("frame", "out", "client"), packet=OTHER[14:].hex()),
        is_a("frame"),
    ),
    Case(
        SilenceBounded(0.5, what="differ"),
        divergence,
        change(after(2, ended("differ")), at=3.3),
        is_a("op"),
    ),
]


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
