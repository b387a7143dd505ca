"""What the page of a failed test tells."""

import json
from pathlib import Path

import pytest

from colo_harness.history import Entry, History
from colo_harness.judge import Violation, check, no_reset
from colo_harness.machine.capture import IPV4, Frame
from colo_harness.qemu.promises import Promises, contracts
from colo_harness.report.failure import excerpt, monitors, orders, packets
from colo_harness.report.failure.departures import departures
from colo_harness.report.failure.moment import Moment, moment_of
from colo_harness.report.failure.scenario import MOST, scenario
from colo_harness.report.failure.started import started
from colo_harness.report.failure.telling import PARTS, tell
from suites.harness.histories import Tape
from suites.harness.stories import killed

TRANSCRIPT = (
    {"at": 1.0, "way": "to", "message": {"execute": "query-status", "id": 0}},
    {"at": 1.1, "way": "from", "message": {"return": {"status": "running"}, "id": 0}},
    {"at": 1.2, "way": "from", "message": {"event": "STOP"}},
    {"at": 1.3, "way": "to", "message": {"execute": "nbd-server-stop", "id": 1}},
    {"at": 1.4, "way": "from", "message": {"error": {"desc": "no server", "class": "GenericError"}, "id": 1}},
    {"at": 1.5, "way": "to", "message": {"exec-oob": "yank", "arguments": {"instances": []}, "id": 2}},
)


def judged(tape: Tape) -> list[Entry]:
    """Return a story with the verdict that the echo of 4.25 s was reset."""
    verdict = {"verdict": "invalid", "reason": "echo-0 was reset; and 2 more", "at": 4.75, "lines": [12]}
    return tape.add(9, "check", "judge", "no_reset", **verdict).entries


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return what a test has left: its history, and the transcript of a monitor."""
    (tmp_path / "host_a").mkdir()
    lines = "".join(f"{json.dumps(line)}\n" for line in TRANSCRIPT)
    (tmp_path / "host_a" / "qmp.qmp.jsonl").write_text(f'{lines}{{"at": 1.6, "mess')
    (tmp_path / PARTS).write_text("host_a: its QEMU is gone\n")
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "start")
        history.invoke("echo-0", "echo", n=1).info(error="ConnectionResetError")
        with pytest.raises(Violation):
            check(history, no_reset)
    return tmp_path


def test_the_verdict_is_one_sentence() -> None:
    """It is the first breach that a checker told of, with its moment."""
    assert moment_of(judged(killed())) == Moment(4.75, "echo-0 was reset (no_reset, at 4.750 s).", (12,))


def test_without_a_violation_the_moment_is_the_end() -> None:
    """What a test does after it was judged is not looked at."""
    tape = killed().add(9, "check", "judge", "no_reset", verdict="unknown", reason="", at=None, lines=[])
    assert moment_of(tape.phase(10, "end").entries) == Moment(8)


def test_steps_are_the_phases() -> None:
    """The one in which the promise was broken failed, and shows the files; what the checkers said comes last."""
    entries = judged(killed())
    steps = scenario(entries, moment_of(entries), ["frames"])
    assert [step.name for step in steps] == [
        "start",
        "replicating",
        "fault kill-primary",
        "failover to the secondary, host_b",
        "host_b promoted",
        "healing of kill-primary",
        "judgement",
    ]
    assert [step.files for step in steps if step.status == "failed"] == [("frames",), ()]
    assert [step.name for step in steps[-1].steps] == ["no_reset: invalid: echo-0 was reset; and 2 more"]


def test_of_many_steps_the_last_ones_are_shown() -> None:
    """Alike ones in a row are one; those before the violation that are too many are counted."""
    tape = Tape()
    for at in range(100):
        tape.phase(at, f"turn {at // 2}")
    steps = scenario(tape.entries, Moment(99), [])
    assert [step.name for step in steps[:2]] == ["10 steps before", "turn 10 \N{MULTIPLICATION SIGN} 2"]
    assert len(steps) == MOST + 1


def test_an_excerpt_shows_both_sides_of_a_moment() -> None:
    """So many lines before it and after it, and how many there are besides."""
    lines = [(float(at), f"line {at}") for at in range(6)]
    shown = excerpt.around(lines, 3.5, before=2, after=1).splitlines()
    assert [line.split(" s  ")[-1].strip("- ") for line in shown] == [
        "… 2 before that",
        "line 2",
        "line 3",
        "the moment",
        "line 4",
        "… 1 after that",
    ]


def test_what_shows_the_violation_is_marked() -> None:
    """By the line of the history."""
    entries = judged(killed())
    marked = [line for line in excerpt.of_history(entries, moment_of(entries)).splitlines() if " s  > " in line]
    assert [line.split()[3:5] for line in marked] == [["trace", "host_a"]]


def test_monitors_are_told_in_words(folder: Path) -> None:
    """Commands, answers and events of each; a line that was cut off is left out."""
    assert [text for _, text in monitors.said(folder)] == [
        "host_a > query-status",
        'host_a < "return": {"status": "running"}',
        "host_a * STOP",
        "host_a > nbd-server-stop",
        'host_a < "error": {"desc": "no server", "class": "GenericError"}',
        'host_a > yank (out of band) "instances": []',
    ]


def test_a_bench_has_one_monitor(tmp_path: Path) -> None:
    """Its transcript lies beside its history, and is told by its name."""
    (tmp_path / "bench.qmp.jsonl").write_text(json.dumps(TRANSCRIPT[0]))
    assert [text for _, text in monitors.said(tmp_path)] == ["bench > query-status"]


def test_orders_are_told_without_questions(folder: Path) -> None:
    """Each with why it was refused, or that nobody answered."""
    assert list(orders.given(folder)) == [
        (1.3, "host_a nbd-server-stop: no server"),
        (1.5, 'host_a yank "instances": []: never answered'),
    ]


def test_a_part_that_is_absent_or_off_is_named(tmp_path: Path) -> None:
    """Of the objects that the document starts a side with, where it has a proxy at all."""
    proxy = "-chardev socket,id=mirror0 -object filter-mirror,id=m0,status=off -object filter-redirector,id=redire0"
    for host, line in {"host_a": proxy, "host_b": "-m 128"}.items():
        (tmp_path / host).mkdir()
        (tmp_path / host / "argv.txt").write_text(f"qemu-system-x86_64 -S {line}\n")
    assert departures(tmp_path, []).splitlines() == [
        "host_a was started without filter-redirector redire1, which the document gives a primary",
        "host_a was started without colo-compare comp0, which the document gives a primary",
        "host_a was started with this switched off: filter-mirror,id=m0,status=off",
    ]
    assert started(tmp_path).splitlines()[-2:] == ["host_b:", "  -m 128"]


def test_commands_that_nobody_gave_are_named(folder: Path) -> None:
    """Of those that belong to what the history says was done."""
    start = "migrate-set-capabilities, nbd-server-start, nbd-server-add, blockdev-add, x-blockdev-change, migrate"
    assert departures(folder, killed().entries).splitlines() == [
        f"nobody gave, at the start: {start}",
        "nobody gave host_b, at the failover: nbd-server-stop, x-colo-lost-heartbeat",
    ]
    assert departures(folder, []) == ""


def test_commands_and_delays_of_nobodys_are_named(tmp_path: Path) -> None:
    """A command that no document has, and a delay that the test does not have."""
    orders = {"xen-colo-do-checkpoint": {}, "migrate-set-parameters": {"x-checkpoint-delay": 3600000}}
    said = [{"at": 1.5, "message": {"execute": name, "arguments": given, "id": name}} for name, given in orders.items()]
    (tmp_path / "bench.qmp.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "watch", delay_s=0.5)
        entries = history.entries
    delay = 'migrate-set-parameters "x-checkpoint-delay": 3600000'
    assert departures(tmp_path, entries).splitlines() == [
        "bench was told at 1.500 s, and the document does not: xen-colo-do-checkpoint",
        f"bench was told at 1.500 s, and the test has another delay: {delay}",
    ]


@pytest.mark.parametrize("document", contracts(), ids=lambda document: document.since)
def test_no_document_departs_from_itself(tmp_path: Path, document: Promises) -> None:
    """Whichever release's document a pair was started and failed over by, nothing is missing and nothing too much."""
    lines = [line for told in document.procedures.values() for line in told]
    (tmp_path / "host_b").mkdir()
    with (tmp_path / "host_b" / "qmp.qmp.jsonl").open("w") as transcript:
        for number, name in enumerate(["migrate-set-capabilities", *(line.partition(" ")[0] for line in lines)]):
            by_hand = {"execute": "human-monitor-command", "arguments": {"command-line": f"{name} buddy it"}}
            order = by_hand if name in ("drive_add", "drive_del") else {"execute": name}
            transcript.write(json.dumps({"at": 1.0, "message": {**order, "id": number}}) + "\n")
    assert departures(tmp_path, killed().entries) == ""


def test_a_telling_has_what_there_is(folder: Path) -> None:
    """What nothing was recorded of has no excerpt."""
    telling = tell(folder, folder / "history.jsonl")
    assert telling.sentence.startswith("echo-0 echo(n=1) ended with ConnectionResetError (no_reset, at ")
    assert list(telling.excerpts) == [
        "parts of both sides, once all was judged",
        "what both sides were told",
        "what happened around it",
        "both monitors before it",
    ]
    assert [step.name for step in telling.steps] == ["start", "judgement"]


def test_nothing_was_captured(tmp_path: Path) -> None:
    """Without a capture no frame is told of."""
    assert list(packets.seen(tmp_path, 0.0)) == []


def carried(kind: str) -> bytes:
    """Return a packet of this kind, from IP on."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: PLC0415 - takes half a second

    ip = IP(src="10.0.0.1", dst="10.0.0.2")
    if kind == "tcp":
        return bytes(ip / TCP(sport=7, dport=9, flags="PA", seq=1, ack=2) / b"hi\n")
    if kind == "tcp-options":
        return bytes(ip / TCP(sport=7, dport=9, flags="S", options=[("Timestamp", (5, 0))]))
    return bytes(ip / (UDP(sport=7, dport=9) if kind == "udp" else ICMP()) / b"hi")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("tcp", "TCP 10.0.0.1:7 > 10.0.0.2:9 [PA] seq 1 ack 2 3 bytes |hi.|"),
        ("tcp-options", "TCP 10.0.0.1:7 > 10.0.0.2:9 [S] seq 0 ack 0 TSval 5 0 bytes"),
        ("udp", "UDP 10.0.0.1:7 > 10.0.0.2:9 2 bytes |hi|"),
        ("icmp", "ICMP 10.0.0.1 > 10.0.0.2 type 8 2 bytes |hi|"),
    ],
)
def test_frames_are_decoded(kind: str, told: str) -> None:
    """With what matters of each protocol, and the beginning of what they carry."""
    assert packets.words(Frame(1.0, "client", "in", "", IPV4, carried(kind))) == told


def test_frames_of_a_bench_are_decoded() -> None:
    """Those that the history has, whatever is in them."""
    whole = bytes(12) + IPV4.to_bytes(2) + carried("udp")
    tape = (
        Tape()
        .add(1, "frame", "primary_in", "in", hex=whole.hex(), name="p1")
        .add(2, "frame", "outdev", "out", hex="00")
    )
    assert list(packets.recorded(tape.entries)) == [
        (1, "in  primary_in p1: UDP 10.0.0.1:7 > 10.0.0.2:9 2 bytes |hi|"),
        (2, "out outdev ethertype 0x0000 0 bytes"),
    ]
