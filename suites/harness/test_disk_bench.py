"""The bench of block replication: its guests, its journal, its sabotages, and Hypothesis's scripts on it."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from colo_harness.blocks.bench import Disks, Room, prepare
from colo_harness.blocks.graph import PARENT, Design, Flaw
from colo_harness.blocks.guest import CLUSTER, MIXED, SECTOR, before, runs
from colo_harness.blocks.journal import Write, cut, entries
from colo_harness.blocks.nbd import Export
from colo_harness.blocks.sabotage import SABOTAGES, sabotage
from colo_harness.blocks.side import Lacking
from colo_harness.colo.lab import Lab
from colo_harness.errors import CommandError, ProductFailure, UsageError
from colo_harness.history import History
from colo_harness.judge.blocks import reads_documented
from colo_harness.qemu.bare import BareQemu
from suites.replication.exploring import LONGEST, explore


@pytest.fixture(scope="module")
def templates(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the images that benches copy."""
    folder = tmp_path_factory.mktemp("templates")
    prepare(lab.images, folder)
    return folder


@pytest.fixture
def room(lab: Lab, templates: Path, tmp_path: Path) -> Room:
    """Return the surroundings of a bench of the QEMU under test."""
    around = lab.around

    def launch(name: str, history: History) -> BareQemu:
        return BareQemu(
            lab.qemu,
            tmp_path,
            name=name,
            loop=around.loop,
            guardian=around.guardian,
            timeouts=around.timeouts,
            history=history,
        )

    return Room(launch, lab.images, templates, around.timeouts)


@pytest.fixture
def disks(room: Room, tmp_path: Path) -> Iterator[Disks]:
    """Return disks that are not made yet."""
    with History() as history, Disks(room, tmp_path, history, Design()) as disks:
        yield disks


def test_runs_tell_where_the_value_changes() -> None:
    """Sector by sector; one that is not of a single value is told as such."""
    content = bytes(SECTOR) * 2 + b"a" * SECTOR + b"a" * 511 + b"b" + b"a" * SECTOR
    assert runs(content, since=8) == [(8, 0), (10, 97), (11, MIXED), (12, 97)]
    assert runs(before()) == [(number * CLUSTER, number + 1) for number in range(7)]
    assert runs(b"") == []


def logged(*writes: Write) -> bytes:
    """Return a log of writes as blklogwrites keeps it (block/blklogwrites.c)."""
    raw = struct.pack("<QQQI", 0x6A736677736872, 1, len(writes), SECTOR).ljust(SECTOR, b"\0")
    for write in writes:
        head = struct.pack("<QQQQ", write.at // SECTOR, len(write.content) // SECTOR, int(write.flush), 0)
        raw += head.ljust(SECTOR, b"\0") + write.content
    return raw


def test_a_journal_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """Writes and flushes in order; what is no log is refused, and an empty one tells of nothing."""
    writes = [Write(1024, b"x" * SECTOR, flush=False), Write(0, b"", flush=True)]
    log = tmp_path / "journal"
    log.write_bytes(logged(*writes))
    assert entries(log) == writes
    log.write_bytes(b"")
    assert entries(log) == []
    log.write_bytes(struct.pack("<QQQI", 1, 1, 1, SECTOR))
    with pytest.raises(ProductFailure, match=r"journal is no log of writes: it begins with 0x1"):
        entries(log)


def test_a_power_cut_leaves_just_these_writes(tmp_path: Path) -> None:
    """Over what was there before; the image grows where they go beyond its end."""
    image, after = tmp_path / "image", tmp_path / "after"
    image.write_bytes(b"....")
    cut(image, [Write(1, b"ab", flush=False), Write(0, b"", flush=True), Write(6, b"c", flush=False)], after)
    assert after.read_bytes() == b".ab.\0\0c"


def test_a_sabotage_is_known_by_name() -> None:
    """An unknown one is refused with those that there are."""
    with pytest.raises(UsageError, match=r"there is no sabotage 'none' of a bench's disks\n.*no-buffers"):
        sabotage("none")
    assert all(name == each.name for name, each in SABOTAGES.items())


def test_a_flaw_lies_above_the_format_or_below() -> None:
    """Above it where it is on a sector of the guest, below it where it follows an event of the format."""
    image = {"driver": "qcow2", "file": {"driver": "file"}}
    assert Flaw("parent", "write", 8).around(image) == {
        "driver": "blkdebug",
        "inject-error": [{"event": "none", "errno": 5, "once": False, "iotype": "write", "sector": 8}],
        "image": image,
    }
    below = Flaw("active", event="empty_image_prepare", second=True).around(image)
    assert (below["driver"], below["file"]["driver"], below["file"]["image"]) == ("qcow2", "blkdebug", image["file"])
    assert below["file"]["set-state"] == [{"event": "empty_image_prepare", "state": 1, "new_state": 2}]


def test_what_is_refused_is_told(disks: Disks, tmp_path: Path) -> None:
    """A driver that QEMU lacks, a node that is wrong, an export that is not there."""
    disks.make()
    with pytest.raises(Lacking, match="magic"):
        disks.primary.add([{"driver": "magic", "node-name": "m0"}])
    with pytest.raises(CommandError, match="Duplicate nodes"):
        disks.secondary.add([{"driver": "null-co", "node-name": PARENT}])
    with pytest.raises(ProductFailure, match="QEMU does not export nothing"):
        Export(tmp_path / "primary-1.nbd", "nothing", timeout=10)


def test_events_are_recorded_from_the_first_on(disks: Disks) -> None:
    """Also where the history was empty when QEMU started."""
    disks.make()
    disks.start()
    disks.lose(disks.secondary)
    disks.primary.guest.write(0)
    disks.primary.status()
    assert [entry.what for entry in disks.history if entry.kind == "event"] == ["QUORUM_REPORT_BAD"]


def test_a_script_that_fails_is_shrunk(room: Room, tmp_path: Path) -> None:
    """To writes and a checkpoint, where nobody hears of checkpoints; the history tells of that script alone."""
    broken = sabotage("checkpoint-untold")
    with History() as history, Disks(room, tmp_path, history, Design(cache="unsafe"), broken) as disks:
        explore(disks, 1, scripts=30)
        (script,) = (entry for entry in history if entry.what == "script")
        kinds = [step.partition("(")[0] for step in script.data["value"]]
        assert kinds[-1] == "Checkpoint"
        assert set(kinds) == {"Write", "Checkpoint"}
        assert len(kinds) < LONGEST / 2
        assert reads_documented(history.entries).valid == "invalid"
        assert sum(entry.what == "made" for entry in history) == 1
