"""`colo replay`: the frames of a recorded history are sent again, and judged again."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from colo_harness.cli import app
from colo_harness.colo.lab import Lab
from colo_harness.history import History
from colo_harness.judge.judgement import Violation, check
from colo_harness.judge.rewriting import rewritten
from colo_harness.judge.routes import Routed
from colo_harness.judge.seen import Saw
from colo_harness.judge.strain import monitor_answers
from colo_harness.proxy.bench import Bench, Benchroom
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.netdev import Netdev
from colo_harness.proxy.noise import noise, noises
from colo_harness.proxy.replay_filters import on_a_netdev
from colo_harness.proxy.rewriter import Rewriter
from colo_harness.proxy.session import Session
from colo_harness.proxy.wire import Packet
from colo_harness.settings import Settings


@pytest.fixture
def recorded(lab: Lab, tmp_path: Path) -> Path:
    """Return the history of frames that were held, the last one across a connection that breaks within a length.

    Its verdict is wrong about it.
    """
    path = tmp_path / "history.jsonl"
    around = lab.around
    room = Benchroom(lab.qemu, around.loop, around.guardian, around.timeouts)
    with History(path, "test_held") as history, Bench(room, tmp_path, history) as bench:
        compare = Compare(bench, {"vnet_hdr_support": True, "compare_timeout": 60_000}, header=10)
        compare.primary(Flow().tcp(b"AAAA"), Flow().udp(b"alike"))
        compare.secondary(Flow().tcp(b"XXXX"), Flow().udp(b"alike"))
        compare.settle()
        compare.remove()
        compare.add()
        compare.secondary_in.put_raw(b"\0\0\0")
        bench.reconnect(compare.secondary_in)
        compare.secondary_in.put_raw(b"\x0d\0\0\0\x0a" + bytes(13))
        compare.primary(Flow().udp(b"held"))
        compare.checkpoint()
        with pytest.raises(Violation):
            check(history, Saw(("p1 p2", "p3")))
    return path


@pytest.fixture
def rewritten_wrong(lab: Lab, tmp_path: Path) -> Path:
    """Return the history of a session that is rewritten, and of another one that is not since a checkpoint."""
    path = tmp_path / "history.jsonl"
    around = lab.around
    room = Benchroom(lab.qemu, around.loop, around.guardian, around.timeouts)
    with History(path, "test_rewritten") as history, Bench(room, tmp_path, history) as bench:
        rewriter, session = Rewriter(bench), Session()
        rewriter.open(session)
        rewriter.checkpoint()
        rewriter.switch("off")
        rewriter.switch("on")
        rewriter.guest(session.guest(b"numbers of before"), Flow().udp(b"alike"))
        rewriter.settle()
        rewriter.remove()
        rewriter.add()
        rewriter.client(session.alike().client(b"untouched"))
        rewriter.settle()
        with pytest.raises(Violation):
            check(history, rewritten)
    return path


def replayed(*words: str | Path) -> tuple[int, list[str]]:
    """Run `colo replay`; return its exit status and what it printed."""
    ran = CliRunner().invoke(app, ["replay", *map(str, words)])
    return ran.exit_code, ran.output.splitlines()


def test_a_history_is_done_again(recorded: Path, settings: Settings) -> None:
    """The same comes out, the same checkers say the same, the status is that of the verdict."""
    status, said = replayed(recorded, "--cache-dir", settings.cache_dir)
    assert (status, said[:2]) == (1, ["step 1: p2 ask", "step 2: p3"])
    assert said[2].startswith('invalid  saw {"steps": ["p1 p2", "p3"]}: in step 1 ')


def test_what_came_is_kept_where_asked(recorded: Path, settings: Settings, tmp_path: Path) -> None:
    """The new history, and a pcap for each port; what comes in another way than then is shown beside it."""
    text = recorded.read_text(encoding="utf-8")
    recorded.write_text(text.replace(Flow().udp(b"held").hex(), Flow().tcp(b"held").hex(), 1), encoding="utf-8")
    kept = tmp_path / "kept"
    _, said = replayed(recorded, "--cache-dir", settings.cache_dir, "--keep", kept)
    assert said[1] == "step 2: p3   (then: ?)"
    assert sorted(path.name for path in kept.iterdir()) == [
        *("history.jsonl", "outdev.pcap", "primary_in.pcap", "secondary_in.pcap")
    ]
    assert kept.joinpath("outdev.pcap").read_bytes()[-len(Flow().tcp(b"held")) :] == Flow().tcp(b"held")


def test_a_rewriters_history_is_done_again(rewritten_wrong: Path, settings: Settings) -> None:
    """What comes out in another way than it was due bears a mark."""
    status, said = replayed(rewritten_wrong, "--cache-dir", settings.cache_dir)
    assert (status, said[:5]) == (1, ["step 1: c1", "step 2: g1", "step 3: c2", "step 4: g2! g3", "step 5: c3"])
    assert said[5].startswith("invalid  rewritten: g2 came out with sequence number 500001, not 1001")


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            {"kind": "frame", "who": "client_in", "what": "in", "data": {"hex": "", "header": "00"}},
            "virtio-net headers",
        ),
        ({"kind": "event", "who": "primary", "what": "RESUME", "data": {}}, "tells of a pair"),
        ({"kind": "frame", "who": "client_in", "what": "in", "data": {"flood": 9}}, "frames that it does not hold"),
    ],
    ids=["tap", "pair", "flood"],
)
def test_what_a_bare_qemu_cannot_do_again_is_refused(
    rewritten_wrong: Path, settings: Settings, told: dict[str, Any], why: str
) -> None:
    """In one line."""
    with rewritten_wrong.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": 9.0, **told}) + "\n")
    result = CliRunner().invoke(app, ["replay", str(rewritten_wrong), "--cache-dir", str(settings.cache_dir)])
    assert why in str(result.exception)


def test_a_history_of_no_bench_is_refused(tmp_path: Path) -> None:
    """In one line."""
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "start")
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "history.jsonl")])
    assert "this history tells of no bench" in str(result.exception)


def strained(netdev: Netdev) -> None:
    """Let a netdev have all that a history of filters may tell of."""
    vnet = netdev.header > 0
    outdev, indev = netdev.chardev("outdev", vnet=vnet, connected=False), netdev.chardev("indev", vnet=vnet)
    netdev.filter("mirror", "m0", queue="tx", outdev="outdev", vnet_hdr_support=vnet)
    netdev.filter("redirector", "r0", queue="rx", indev="indev", vnet_hdr_support=vnet)
    netdev.receives(noise(100))
    netdev.settle()
    netdev.bench.connect(outdev)
    indev.put(Packet(noise(101), bytes(netdev.header)))
    netdev.settle()
    netdev.bench.switch("r0", on=False)
    netdev.bench.switch("r0", on=True)
    indev.put_raw(b"\0")
    with netdev.bench.stalled(outdev):
        netdev.receives(*noises(20, 60_000))
        netdev.fill()
    netdev.settle()
    netdev.bench.disconnect(outdev)
    netdev.bench.remove("m0")
    netdev.bench.reconnect(netdev.listener("other", vnet=vnet))
    netdev.filter("mirror", "m1", queue="rx", outdev="other", vnet_hdr_support=vnet)
    netdev.sends(noise(102))
    netdev.settle()
    netdev.bench.ask_monitor("in the end", timeout=10)


@pytest.mark.parametrize("header", [0, 10])
def test_filters_are_replayed_too(lab: Lab, settings: Settings, tmp_path: Path, header: int) -> None:
    """On a netdev of the same kind: the same comes out at the same ports."""
    path = tmp_path / "history.jsonl"
    room = Benchroom(lab.qemu, lab.around.loop, lab.around.guardian, lab.around.timeouts)
    with History(path, "test_filters") as history:
        with on_a_netdev(room, tmp_path, history, header) as netdev:
            strained(netdev)
        check(history, Routed(("guest:n1", "net:i1", "outdev:n2-n21 guest:n2-n21", "net:g1 other:g1")), monitor_answers)
    status, said = replayed(path, "--cache-dir", settings.cache_dir)
    assert not [line for line in said if "(then: " in line]
    assert (status, said[1]) == (0, "step 2: net:i1")
