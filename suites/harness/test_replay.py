"""`colo replay`: the frames of a recorded history are sent again, and judged again."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from colo_harness.cli import app
from colo_harness.colo.lab import Lab
from colo_harness.history import History
from colo_harness.judge.judgement import Violation, check
from colo_harness.judge.seen import Saw
from colo_harness.proxy.bench import Bench, Benchroom
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from colo_harness.settings import Settings


@pytest.fixture
def recorded(lab: Lab, tmp_path: Path) -> Path:
    """Return the history of a frame that was held, and of a verdict that is wrong about it."""
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
        compare.primary(Flow().udp(b"held"))
        compare.checkpoint()
        with pytest.raises(Violation):
            check(history, Saw(("p1 p2", "p3")))
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


def test_a_history_of_no_bench_is_refused(tmp_path: Path) -> None:
    """In one line."""
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "start")
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "history.jsonl")])
    assert "this history tells of no colo-compare on a bench" in str(result.exception)
