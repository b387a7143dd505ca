"""The proxy's bench: its wire, its ports, its men in the middle, and a QEMU that dies on it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.colo.lab import Lab
from colo_harness.errors import CommandError, MachineError, UsageError, WaitTimeout
from colo_harness.history import History
from colo_harness.judge.judgement import judge
from colo_harness.judge.seen import Saw
from colo_harness.proxy.barrier import barrier, number_of
from colo_harness.proxy.bench import Bench, Benchroom, Lacking
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.meddling import changed, delayed, doubled, dropped, stale_checksum, swapped
from colo_harness.proxy.port import Meddler
from colo_harness.proxy.sabotage import SABOTAGES, sabotage
from colo_harness.proxy.wire import Packet, Wire
from colo_harness.settings import Timeouts
from colo_harness.wait import wait_until
from fixtures.bench import needing
from fixtures.stash import NEED
from suites.harness.histories import in_a_crowd

PACKETS = st.builds(Packet, st.binary(min_size=1, max_size=40), st.binary(max_size=12))


@pytest.fixture
def bench(lab: Lab, tmp_path: Path) -> Iterator[Bench]:
    """Return a bench of the QEMU under test."""
    around = lab.around
    room = Benchroom(lab.qemu, around.loop, around.guardian, around.timeouts)
    with History() as history, Bench(room, tmp_path, history) as bench:
        yield bench


@in_a_crowd
@given(packets=st.lists(PACKETS), vnet=st.booleans(), size=st.integers(min_value=1, max_value=9))
def test_a_wire_gives_back_what_was_packed(packets: list[Packet], *, vnet: bool, size: int) -> None:
    """In whatever pieces it arrives; without virtio-net headers, header and frame are one."""
    wire = Wire(vnet=vnet)
    sent = b"".join(map(wire.pack, packets))
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    told = [packet for piece in pieces for packet in wire.unpack(piece)]
    assert told == (packets if vnet else [Packet(one.header + one.frame) for one in packets])


def test_a_wire_carries_big_endian_lengths() -> None:
    """Of all, with a virtio-net header of that alone too, then both."""
    assert Wire().pack(Packet(b"frame")) == b"\0\0\0\5frame"
    assert Wire(vnet=True).pack(Packet(b"frame", b"head")) == b"\0\0\0\x09\0\0\0\4headframe"


def test_barriers_are_told_from_frames() -> None:
    """By their flow, each with its number."""
    assert number_of(barrier(1 << 40)) == 1 << 40
    assert [number_of(frame) for frame in (b"", Flow().udp(bytes(8)), barrier(1)[:-1])] == [None, None, None]


def through(meddler: Meddler, *frames: bytes) -> list[bytes]:
    """Return what becomes of frames that pass a man in the middle."""
    return [packet.frame for frame in frames for packet in meddler(Packet(frame))]


def test_each_man_in_the_middle_does_one_thing() -> None:
    """To one frame, and leaves the others alone."""
    assert through(swapped(), b"1", b"2", b"3", b"4") == [b"2", b"1", b"3", b"4"]
    assert through(doubled(), b"1", b"2") == [b"1", b"1", b"2"]
    assert through(dropped(), b"1", b"2") == [b"2"]
    assert through(delayed(2)(), b"1", b"2", b"3", b"4") == [b"2", b"3", b"1", b"4"]
    assert through(changed(2)(), b"ab", b"abc", b"abc") == [b"ab", b"ab\x9c", b"abc"]
    assert through(changed(-1)(), b"ab", b"ab") == [b"a\x9d", b"ab"]
    sent = Flow().tcp(b"text")
    stale, sound = through(stale_checksum(), Flow().udp(b"text"), sent)[1], sent
    assert [at for at in range(len(sound)) if stale[at] != sound[at]] == [50, 51]


def test_a_sabotage_is_known_by_name() -> None:
    """An unknown one is refused with those that there are."""
    with pytest.raises(UsageError, match=r"there is no sabotage 'none' of a bench\n.*frames-swapped"):
        sabotage("none")
    assert all(name == each.name for name, each in SABOTAGES.items())


def test_what_a_qemu_lacks_is_named(bench: Bench) -> None:
    """A property or an object that it does not have; what it refuses for another reason stays its own error."""
    with pytest.raises(Lacking, match=r"^colo-compare\.colour$"):
        Compare(bench, {"colour": "red"})
    with pytest.raises(Lacking, match=r"^filter-magic$"):
        bench.make("filter-magic", "m0", {})
    with pytest.raises(CommandError, match="poll-max-ns"):
        bench.make("iothread", "t0", {"poll-max-ns": -1})


def test_a_qemu_that_dies_ends_the_step(bench: Bench) -> None:
    """At once, not after a deadline; its end is told, and the claim is broken."""
    compare = Compare(bench, {})
    compare.primary(Flow().udp(b"held"))
    compare.settle()
    os.kill(bench.pid, signal.SIGSEGV)
    bench.qemu.process.wait(10)
    compare.secondary(Flow().udp(b"held"))
    compare.settle()
    bench.collect()
    verdicts = {verdict.checker: verdict for verdict in judge(bench.history, Saw(("", "p1")))}
    assert verdicts["saw"].reason.startswith("in step 2 equal frames from both sides no longer came out")
    assert verdicts["symptoms_declared"].reason.startswith("bench, undeclared exit-status")


def _stands_still(bench: Bench) -> bool:
    return all(": state T" in line for line in bench.qemu.process.where_it_hangs().splitlines())


def test_a_qemu_that_hangs_is_told_by_its_threads(bench: Bench) -> None:
    """A pair of equal frames that does not come out ends the test, with what QEMU does."""
    compare = Compare(bench, {})
    bench.timeouts = Timeouts(factor=0.04)
    bench.qemu.process.signal(signal.SIGSTOP)
    wait_until("QEMU to stand still", lambda: _stands_still(bench), timeout=10)
    with pytest.raises(WaitTimeout, match=r"(?s)a pair of equal frames .* state T"):
        compare.settle()
    assert [entry.what for entry in bench.history if entry.kind == "phase"][-1] == "unsettled"


def test_a_lack_skips_unless_it_is_strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, and counted as a lack of the environment; with --strict-env it fails."""
    with pytest.raises(pytest.skip.Exception, match=r"this QEMU has no colo-compare\.colour"), needing(request):
        raise Lacking("colo-compare.colour")
    assert request.node.stash[NEED] == "colo-compare.colour"
    del request.node.stash[NEED]
    monkeypatch.setattr(request.config.option, "strict_env", True)
    with pytest.raises(MachineError, match=r"this QEMU has no colo-compare\.colour"), needing(request):
        raise Lacking("colo-compare.colour")


def test_what_is_not_read_stays_in_the_socket(bench: Bench) -> None:
    """A stalled port is read no sooner than its block ends; nothing is lost by it."""
    compare = Compare(bench, {})
    with bench.stalled(compare.out):
        compare.primary(Flow().udp(b"late"))
        compare.secondary(Flow().udp(b"late"))
        assert compare.sent()
        assert not compare.out.came
    compare.settle()
    assert [packet.frame for packet in compare.out.came] == [Flow().udp(b"late")]
