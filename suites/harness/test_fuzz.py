"""What QEMU, a guest, a network and the machine say is read, left out or refused in words of ours."""

import io
import json
import lzma
import os
import struct
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import strategies as st

from colo_harness.colo.dissector import NotUnderstood, Primary, Secondary
from colo_harness.errors import CacheError, HarnessError, MachineError, UsageError
from colo_harness.judge import packets
from colo_harness.machine import apt, conversation
from colo_harness.machine.capture import Frame, frames
from colo_harness.manager.watcher import Watcher
from colo_harness.proxy.barrier import number_of
from colo_harness.proxy.wire import Wire
from colo_harness.qemu import contract, modules, stream
from colo_harness.qemu.stream import Lines
from colo_harness.qemu.trace import Trace
from colo_harness.settings import Settings
from colo_harness.traffic.frames import _describe
from colo_harness.traffic.session import WrongAnswer
from colo_harness.traffic.stream import Stream
from suites.harness.fuzzing import Fuzz, fuzzing, mutated
from suites.harness.streams import checkpoint, entry, joined, word

LONGEST = 16


@pytest.fixture
def fuzz(settings: Settings) -> Fuzz:
    """What tries examples."""
    return fuzzing(settings)


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


def test_the_answers_of_a_qemu(fuzz: Fuzz) -> None:
    """A contract that was kept comes back, whatever a QEMU has answered."""

    def attempt(text: str) -> None:
        made = contract.Contract(text, text, (text,), return_path=True, reconnect=text, sandbox=text)
        assert contract.Contract.of(json.loads(json.dumps(made.as_json()))) == made
        assert isinstance(made.issues, list)

    fuzz(st.text(max_size=20) | st.from_regex(r"\d{1,9}(\.\d{1,9}){0,3}.*"), attempt)


def test_a_parser_that_breaks_is_found(fuzz: Fuzz) -> None:
    """The control: what raises anything of its own fails."""
    with pytest.raises(UnicodeDecodeError):
        fuzz(mutated(b"{}"), lambda content: content.decode("utf-8"))
    assert issubclass(UsageError, HarnessError)
