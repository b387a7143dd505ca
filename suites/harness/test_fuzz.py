"""Whatever comes to a parser, it is read, left out or refused in words of ours; `--thorough` tries for longer."""

import gzip
import io
import json
import lzma
import os
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from colo_harness import foreign
from colo_harness.bench.comparison import Document, Version
from colo_harness.colo.dissector import NotUnderstood, Primary, Secondary
from colo_harness.diagnosis import Told
from colo_harness.errors import CacheError, HarnessError, MachineError, UsageError
from colo_harness.foreign import read_json, read_toml
from colo_harness.history import VERSION, History
from colo_harness.judge import packets
from colo_harness.judge.claims import load_claims
from colo_harness.judge.register import parse
from colo_harness.machine import apt, conversation
from colo_harness.machine.capture import Frame, frames
from colo_harness.manager.watcher import Watcher
from colo_harness.proxy.barrier import number_of
from colo_harness.proxy.wire import Wire
from colo_harness.qemu import contract, issues, modules, promises, stream
from colo_harness.qemu.stream import Lines
from colo_harness.qemu.trace import Trace
from colo_harness.recording import load
from colo_harness.report.past import CLAIMS, Past
from colo_harness.report.results import read_environment
from colo_harness.report.runs import Result, Verdicts
from colo_harness.settings import Settings
from colo_harness.traffic.frames import _describe
from colo_harness.traffic.session import WrongAnswer
from colo_harness.traffic.stream import Stream
from suites.harness.streams import checkpoint, entry, joined, word

pytestmark = pytest.mark.generated

EXAMPLES = 150
LONGEST = 16
Fuzz = Callable[[Any, Callable[[Any], object]], None]


@pytest.fixture
def fuzz(settings: Settings) -> Fuzz:
    """Try so many examples, and more of them for as long as `--thorough` says."""

    def run(strategy: st.SearchStrategy[Any], attempt: Callable[[Any], object]) -> None:
        deadline = time.monotonic() + settings.thorough
        for seed in count(settings.seed):

            def one(example: Any) -> None:
                attempt(example)

            quick = hypothesis.settings(
                max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[*hypothesis.HealthCheck]
            )
            hypothesis.seed(seed)(quick(hypothesis.given(strategy)(one)))()
            if time.monotonic() >= deadline:
                return

    return run


def mutated(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes that were one of these once: changed, cut, repeated, with others between; or any bytes at all."""
    change = st.tuples(st.integers(0, 4096), st.integers(0, 64), st.binary(max_size=12))

    def spoilt(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, gone, put in changes:
            place = at % (len(seed) + 1)
            seed = seed[:place] + put + seed[place + gone % 9 :]
        return seed

    return st.builds(spoilt, st.sampled_from(seeds), st.lists(change, max_size=4)) | st.binary(max_size=200)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CLAIM = {"id": "A-1", "area": "proxy", "verdict": "valid", "seconds": 1.5, "reason": ""}
TEST = {"id": "a::b", "claims": ["A-1"], "verdict": "valid", "seconds": 1, "reason": ""}
SAMPLE = {"pair": 1, "seconds": 0.5}
ANSWER = {"name": "a", "state": "ok", "text": "", "remedy": "", "must": True, "seconds": 0.1}
DOCUMENTS: Mapping[str, tuple[Any, object]] = {
    "verdicts": (Verdicts, {"claims": [CLAIM], "tests": [TEST], "skipped": {"netem": 4}, "broken": ["no"]}),
    "result": (Result, {"labels": [{"name": "feature", "value": "x"}], "start": 4}),
    "version": (Version, {"bench": 2}),
    "figures": (
        Document,
        {"bench": 2, "run": "", "machine": {}, "accel": "tcg", "measures": [{"name": "a", "samples": [SAMPLE]}]},
    ),
    "doctor": (Told, {"answers": [ANSWER], "accelerators": {"tick": "tcg"}}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_of_anybody(fuzz: Fuzz, tmp_path: Path, name: str) -> None:
    """A document is as it must be, or its line is named."""
    hint, sound = DOCUMENTS[name]
    file = tmp_path / "it.json"

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            read_json(file, hint, "no")

    fuzz(mutated(json.dumps(sound).encode(), json.dumps(sound, indent=1).encode()), attempt)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_with_other_values(fuzz: Fuzz, tmp_path: Path, name: str) -> None:
    """The line that is named is the one on which the wrong value stands."""
    hint, sound = DOCUMENTS[name]
    file = tmp_path / "it.json"
    text = json.dumps(sound, indent=0)
    places = [
        at for at, line in enumerate(text.split("\n")) if line.rstrip(",").endswith(('"', "1", "2", "4", "5", "e"))
    ]

    def attempt(example: tuple[int, object]) -> None:
        at, value = example
        lines = text.split("\n")
        key, colon, _ = lines[at].rpartition(": ")
        lines[at] = f"{key}{colon}{json.dumps(value)}{',' if lines[at].endswith(',') else ''}"
        file.write_text("\n".join(lines))
        with suppress(UsageError):
            read_json(file, hint, "no")
            return
        with pytest.raises(UsageError, match=rf"it\.json:({at + 1}|{at}): "):
            read_json(file, hint, "no")

    fuzz(st.tuples(st.sampled_from(places), st.lists(st.text("ab"), max_size=1) | st.none()), attempt)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("11.toml", promises.Promises), ("issues.toml", Mapping[str, issues.Issue])],
    ids=["contract", "issues"],
)
def test_toml_of_anybody(fuzz: Fuzz, tmp_path: Path, name: str, hint: Any) -> None:
    """A contract, and what is known to go wrong."""
    file = tmp_path / name
    sound = (promises.FOLDER / name).read_bytes()[:3000]

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            read_toml(file, hint, "no")

    fuzz(mutated(sound), attempt)


def test_claims_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """Claims that others have written."""
    file = tmp_path / "claims.toml"

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            load_claims(file)

    fuzz(mutated(b'[claims.LIFE-1]\ntext = "It holds."\nsource = "a"\narea = "lifecycle"\n'), attempt)


HISTORY = "\n".join(
    json.dumps(line)
    for line in (
        {"history": VERSION, "origin": 1.5, "test": None},
        {"at": 1, "kind": "op", "who": "a", "what": "echo", "data": {"op": 0, "type": "invoke"}},
        {"at": 2, "kind": "op", "who": "a", "what": "echo", "data": {"op": 0, "type": "ok"}},
        {"at": 3, "kind": "trace", "who": "host_a", "what": "colo_send_message", "data": {"message": "vmstate-send"}},
    )
).encode()


def test_a_history_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """Compressed or not."""
    file = tmp_path / "history.jsonl"

    def attempt(content: bytes) -> None:
        for whole in (content, gzip.compress(content)):
            file.write_bytes(whole)
            with suppress(UsageError):
                load(file)

    fuzz(mutated(HISTORY, gzip.compress(HISTORY)), attempt)


def test_the_past_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """What is kept of earlier runs."""

    def attempt(content: bytes) -> None:
        (tmp_path / CLAIMS).write_bytes(content)
        with suppress(UsageError):
            Past(tmp_path)

    fuzz(mutated(b'{"at": 1, "environment": "a", "claims": {"A-1": "valid"}}\n'), attempt)


def test_an_environment_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """What Allure calls environment.properties."""

    def attempt(content: str) -> None:
        (tmp_path / "environment.properties").write_text(content, encoding="utf-8")
        with suppress(UsageError):
            read_environment(tmp_path)

    fuzz(st.text("a\\ =:\n\u2028é"), attempt)


def test_a_checker_of_anybody(fuzz: Fuzz) -> None:
    """What `--checker` is given."""

    def attempt(text: str) -> None:
        with suppress(UsageError):
            parse(text)

    told = st.sampled_from(["stall_below ", "no_reset", "x"]) | st.text(max_size=5)
    fuzz(st.builds(lambda name, value: name + json.dumps({"margin_s": value}), told, values) | st.text(), attempt)


def test_a_trace_of_qemu(fuzz: Fuzz) -> None:
    """A line that is none of ours is left out."""
    stamps = st.sampled_from(["2026-11-28T16:00:00.5Z ", "9@1.5:", "xZ ", "1@9.9:", ""]) | st.text(max_size=9)
    ends = st.sampled_from(["colo_send_message Send 'vmstate-send' message", "colo_old_packet_check_found 1", "x 'y'"])
    fuzz(st.builds(lambda *parts: "".join(parts), stamps, ends, st.text("0123456789 é'", max_size=400)), Trace.of)


@pytest.mark.parametrize("side", [Primary, Secondary])
def test_a_checkpoint_stream(fuzz: Fuzz, side: type[Primary | Secondary]) -> None:
    """It is passed on byte by byte as it came, or is not understood; however it is cut."""
    sound = entry() + joined(checkpoint())

    def attempt(example: tuple[bytes, list[int], bool]) -> None:
        content, cuts, enter = example
        parts, bounds, got = side(), sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)}), b""
        with suppress(NotUnderstood):
            for start, end in pairwise(bounds):
                got += b"".join(bytes(chunk) for _, chunk in parts.feed(content[start:end]))
                if enter and isinstance(parts, Primary):
                    parts.enter_colo()
        assert content.startswith(got)

    answers = b"".join(map(word, ("checkpoint-ready", "checkpoint-reply")))  # type: ignore[arg-type]  # they are texts
    strategy = st.tuples(
        mutated(sound, joined(checkpoint()), answers), st.lists(st.integers(0, 9999), max_size=4), st.booleans()
    )
    fuzz(strategy, attempt)


PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 276)
RECORD = struct.pack("<IIII", 1, 2, 60, 60) + struct.pack("!HHIHBB8s", 0x800, 0, 2, 1, 0, 6, b"\x52" * 8) + b"\x45" * 40


def test_a_capture(fuzz: Fuzz, tmp_path: Path) -> None:
    """Its frames are read up to the first that is damaged, and what they say is described."""
    file = tmp_path / "it.pcap"
    file.with_suffix(".ports.json").write_text('{"2": "client"}')

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(MachineError):
            for frame in frames(file):
                _describe(frame)

    fuzz(mutated(PCAP + RECORD + RECORD), attempt)


TCP = bytes.fromhex("450000340000400040060000" + "0a4d000a" + "0a4d0001" + "00500400" + "00000001" * 2 + "80180000")
SEGMENT = TCP + bytes(4) + bytes.fromhex("0101080a0000000100000002")


def test_packets_of_a_guest(fuzz: Fuzz) -> None:
    """One that is cut short, or has lengths that are none, is something else, and stops nobody."""

    def attempt(payload: bytes) -> None:
        frame = Frame(0.0, "client", "in", "52:54:00:aa:bb:01", 0x800, payload)
        _describe(frame)
        list(conversation.pieces([frame, frame]))
        packets.parse(bytes(12) + b"\x08\x00" + payload)

    fuzz(mutated(SEGMENT, SEGMENT + b"content"), attempt)


def test_frames_of_a_stream(fuzz: Fuzz) -> None:
    """What comes out of a chardev is cut into frames, wherever it is torn."""

    def attempt(example: tuple[list[bytes], bool]) -> None:
        pieces, vnet = example
        wire, taken = Wire(vnet=vnet), 0
        for piece in pieces:
            for packet in wire.unpack(piece):
                taken += len(packet.frame) + len(packet.header)
                number_of(packet.frame)
        assert taken + len(wire.rest) <= sum(map(len, pieces))

    piece = mutated(struct.pack("!I", 4) + b"abcd", struct.pack("!II", 4, 10) + bytes(14))
    fuzz(st.tuples(st.lists(piece, max_size=4), st.booleans()), attempt)


def test_lines_of_a_console(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is written comes as lines, a piece of one without end too."""
    monkeypatch.setattr(stream, "LONGEST", LONGEST)

    def attempt(content: bytes) -> None:
        near, far = os.pipe()
        os.write(far, content)
        os.close(far)
        heard: list[str] = []
        lines = object.__new__(Lines)
        vars(lines).update(_source=SimpleNamespace(fileno=lambda: near), _rest=b"", _on_line=heard.append)
        while lines._take():
            continue
        os.close(near)
        assert len(lines._rest) <= LONGEST
        assert len(heard) == content.count(b"\n") + (len(content.rpartition(b"\n")[2]) > LONGEST)

    fuzz(st.binary(max_size=120), attempt)


def test_answers_of_a_guest(fuzz: Fuzz) -> None:
    """A line is a line, a wrong answer, or the end."""

    def attempt(content: bytes) -> None:
        source = io.BytesIO(content)
        end = SimpleNamespace(setsockopt=lambda *_: None, settimeout=lambda _: None, recv=lambda _: source.read(50))
        with suppress(WrongAnswer, EOFError):
            told = Stream(end, lambda: 1.0)  # type: ignore[arg-type]  # as much of a socket as it takes
            while told.line():
                told.exactly(2)

    fuzz(mutated(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"x" * 5000), attempt)


def test_beats_of_anybody(fuzz: Fuzz) -> None:
    """Who sends what is no beat to a manager's port is not heard, and does not end it."""

    def attempt(said: list[bytes]) -> None:
        waiting = iter([*said, b'{"state": "running"}'])

        def recv(_size: int) -> bytes:
            with suppress(StopIteration):
                return next(waiting)
            raise BlockingIOError

        watcher = object.__new__(Watcher)
        vars(watcher).update(ears=SimpleNamespace(recv=recv), heard=0, missed=3, last=0.0, longest=0.0, peer_state="")
        watcher.hear()
        assert watcher.heard >= 1
        assert watcher.missed == -1

    fuzz(st.lists(mutated(b'{"state": "running"}', b"[" * 3000), max_size=3), attempt)


def test_records_of_apt(fuzz: Fuzz) -> None:
    """What apt says names a mirror, or there is none."""

    def attempt(told: str) -> None:
        with suppress(MachineError):
            apt.parse_targets(told, "bookworm")

    rows = st.lists(st.sampled_from(["bookworm|http://a/|x", "|", "stable|cdrom:[x]/|$(SIGNED_BY)", "ID=debian", "="]))
    fuzz(rows.map("\n".join) | st.text(), attempt)


def test_a_module_of_the_kernel(fuzz: Fuzz, tmp_path: Path) -> None:
    """A file that is no module is refused, compressed or not."""
    elf = b"\x7fELF" + struct.pack("<36xQ10xHHH", 64, 64, 2, 1) + bytes(64) + struct.pack("<I20xQQ24x", 0, 0, 9)

    def attempt(content: bytes) -> None:
        for suffix in (".ko", ".ko.xz"):
            file = tmp_path / f"it{suffix}"
            file.write_bytes(content)
            with suppress(CacheError):
                modules.read_module(file)

    fuzz(mutated(elf, lzma.compress(elf)), attempt)


def test_lines_of_json(fuzz: Fuzz) -> None:
    """What is read as JSON is written as the same JSON again."""

    def attempt(text: bytes) -> None:
        with suppress(ValueError, RecursionError):
            told = foreign.parse_json(text)
            assert foreign.parse_json(json.dumps(told, allow_nan=False)) == told

    fuzz(mutated(b'{"a": [1, 1.5, "\\u00e9", null, true]}', b"[" * 2000, b"1" * 5000), attempt)


def test_the_answers_of_a_qemu(fuzz: Fuzz) -> None:
    """A contract that was kept comes back, whatever a QEMU has answered."""

    def attempt(text: str) -> None:
        made = contract.Contract(text, text, (text,), return_path=True, reconnect=text, sandbox=text)
        assert contract.Contract.of(json.loads(json.dumps(made.as_json()))) == made
        assert isinstance(made.issues, list)

    fuzz(st.text(max_size=20) | st.from_regex(r"\d{1,9}(\.\d{1,9}){0,3}.*"), attempt)


def test_what_is_recorded(fuzz: Fuzz, tmp_path: Path) -> None:
    """A history takes any text that a guest, a QEMU or a client has said, and it comes back."""

    def attempt(said: str) -> None:
        with History(tmp_path / "history.jsonl", said) as history:
            history.record("console", "host_a", said)
            history.append("event", "host_a", said, {said: said})
        assert load(tmp_path / "history.jsonl").entries == history.entries

    fuzz(st.text() | st.binary(max_size=20).map(lambda raw: raw.decode(errors="surrogateescape")), attempt)


def test_a_parser_that_breaks_is_found(fuzz: Fuzz) -> None:
    """The control: what raises anything of its own fails."""
    with pytest.raises(UnicodeDecodeError):
        fuzz(mutated(b"{}"), lambda content: content.decode("utf-8"))
    assert issubclass(UsageError, HarnessError)
