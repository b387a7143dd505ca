"""For each checker a sound history, and the one change that it must say no to."""

from collections.abc import Callable
from dataclasses import dataclass

from colo_harness.history import Entry, Valid
from colo_harness.judge import (
    CaughtInFlight,
    Checker,
    ColoExit,
    DelayHonoured,
    DivergenceForces,
    FellAt,
    LossTold,
    NoForcedCheckpoint,
    NotHeld,
    Opened,
    QuietAfterDivergence,
    SilenceBounded,
    StallBelow,
    StatesSeen,
    acknowledged_explained,
    consoles_clean,
    counter_monotonic,
    exercised,
    failover_completed,
    new_sessions_open,
    no_reset,
    nothing_lost,
    output_committed,
    sessions_go_on,
    survivors_run,
    symptoms_declared,
)
from colo_harness.judge.asking import AskedBetween, AsksApart
from colo_harness.judge.availability import FellInFailover
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
from colo_harness.judge.ending import Ended, Stays
from colo_harness.judge.entering import ColoEntered, FailedOnBoth, StartRefused
from colo_harness.judge.frames import SecondarySilent, TimestampsGoOn
from colo_harness.judge.managing import GaveUp, NoFalseAlarm, fenced_before_promoted
from colo_harness.judge.memory import GenerationPossible, LeftOut, MemoryEqual, MemoryHeld
from colo_harness.judge.pacing import NewDelayInForce
from colo_harness.judge.paws import none_outdated, timestamps_taken
from colo_harness.judge.prediction import ClientGotAsPredicted
from colo_harness.judge.progress import CheckpointsGoOn
from colo_harness.judge.promises import AsPromised
from colo_harness.judge.reasons import ForcedBy
from colo_harness.judge.refusals import EachRefused, Refused
from colo_harness.judge.resuming import DisksEqual, FellWhileResyncing, ReplicatedAgain
from colo_harness.judge.rewriting import rewritten
from colo_harness.judge.routes import Routed
from colo_harness.judge.saying import BothSay
from colo_harness.judge.seen import Released, Saw
from colo_harness.judge.splitbrain import never_both_answer
from colo_harness.judge.starting import FellWhileStarting, NeverRan
from colo_harness.judge.strain import MemoryKept, came_once, monitor_answers
from colo_harness.judge.transaction import FellBefore, Recovered
from colo_harness.judge.turns import TurnsTaken, disks_alike
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
from suites.harness.endings import powered_off, spoken, stayed
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
    sent_again,
    stamped,
    survivor,
    turned,
    without,
)
from suites.harness.losses import both_lost, interrupted, told
from suites.harness.managers import beating, handed_over
from suites.harness.mismatches import failed, looked_at, spared, unsuited
from suites.harness.starts import half_a_guest, resyncing, started
from suites.harness.transactions import mended, standing

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
    Case(
        FellInFailover("f1"),
        interrupted,
        change(is_a("phase", "failover stands"), after="f2"),
        is_a("fault"),
        "unknown",
    ),
    Case(output_committed, told, change(after(5.5, ended("read")), text=None), is_a("op")),
    Case(
        NotHeld(),
        both_lost,
        change(ended("echo", error="TimeoutError"), type="ok", sent="x", got="x", error=None),
        is_a("fault"),
    ),
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
    Case(
        TurnsTaken(2),
        turned,
        change(after(9.6, is_a("op", "echo", who="echo-1", type="ok")), type="info", error="eof", sent=None, got=None),
        is_a("phase", "turn"),
    ),
    Case(disks_alike, resumed, change(is_a("observe", "disks"), differs_at=65536), is_a("observe", "disks")),
    Case(DisksEqual(1), resumed, change(is_a("observe", "disks"), differs_at=67043328), is_a("observe")),
    Case(STATES, failover, change(is_a("observe", "query-status"), value={"status": "colo"}), is_a("observe")),
    Case(FellAt("idle"), failover, change(is_a("fault", type="bitten"), at=4.02), is_a("fault"), "unknown"),
    Case(Recovered(checkpoints=3), mended, change(is_a("event", "STOP"), at=2.5), is_a("fault", type="healed")),
    Case(
        FellBefore("vmstate-received"),
        standing,
        change(is_a("trace", "colo_receive_message", message="vmstate-received"), at=2.5),
        is_a("fault"),
        "unknown",
    ),
    Case(StartRefused("return-path"), unsuited, change(is_a("phase", "refused"), reason="it died"), is_a("phase")),
    Case(
        LeftOut({"host_a": 1, "host_b": 2}),
        spared,
        change(is_a("observe", who="host_b"), dumped=1, left_out=1),
        is_a("observe"),
    ),
    Case(
        MemoryHeld({("host_a", "replicating"): 1, ("host_b", "replicating"): 2}),
        spared,
        change(is_a("observe", who="host_b"), dumped=1),
        is_a("observe"),
    ),
    Case(
        FellWhileStarting("first pass"),
        lambda: started("setup", "active"),
        change(is_a("event", status="active"), status="device"),
        is_a("fault"),
        "unknown",
    ),
    Case(FellWhileResyncing(), resyncing, say(is_a("phase", "resyncing"), "resynced"), is_a("fault"), "unknown"),
    Case(NeverRan(), half_a_guest, say(is_a("event"), "RESUME"), is_a("phase")),
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
    Case(never_both_answer, handed_over, change(is_a("phase", "failover"), host="host_a"), is_a("observe", "voice")),
    Case(fenced_before_promoted, handed_over, change(is_a("phase", "fenced"), at=5.3), is_a("phase")),
    Case(GaveUp("host_b", "its QEMU ended"), handed_over, change(is_a("phase", "detected"), reason="?"), is_a("phase")),
    Case(
        NoFalseAlarm(100), beating, say(is_a("phase", "watching"), "detected"), is_a("observe", "heartbeat", "host_b")
    ),
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
    Case(none_outdated, sent_again, change(after(1.15, is_a("frame")), hex=stamped(7)), is_a("frame")),
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
    Case(
        EachRefused("xen-colo-do-checkpoint", ("Failed to empty",)),
        flawed,
        say(is_a("observe", "refused"), "obeyed"),
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
    Case(AsPromised("commands", {"yank": True}), looked_at, change(is_a("observe"), value=False), is_a("observe")),
    Case(FailedOnBoth(), failed, change(is_a("event", status="failed"), status="completed"), is_a("event")),
    Case(Ended(), powered_off, change(is_a("observe", "exit-status", "host_b"), value=-6), is_a("fault")),
    Case(BothSay("Z"), spoken, lambda entries: renamed(entries, after(5, is_a("console")), "A"), is_a("phase")),
    Case(
        Stays("shutdown"),
        stayed,
        change(is_a("observe", "query-status", "host_b"), value={"status": "running"}),
        is_a("fault"),
    ),
]
