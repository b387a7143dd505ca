"""What a survivor's disk holds."""

from colo_harness.judge.disks import BlocksHold, MarksKept
from suites.harness.histories import Tape, changed, disks, ended, without


class TestBlocksHold:
    """blocks_hold."""

    def test_reads_before_the_loss_do_not_count(self) -> None:
        """Neither for the verdict nor as a reader."""
        early = Tape().op(0.1, "log-0", "block", {"block": 3}, {"crc32": "0badbad0"}).entries
        alone = without(disks(), lambda entry: entry.who == "log-1")
        late = [entry for entry in alone if entry.kind != "op"]
        assert BlocksHold({3: "0badbad0"})([*early, *late]).valid == "unknown"

    def test_each_block_must_be_read_by_both(self) -> None:
        """The guest may see another disk than its image shows."""
        assert BlocksHold({3: "0000abcd", 4: "0000abcd"})(disks()).reason.startswith("block 4 was read by nobody")
        alone = without(disks(), lambda entry: entry.who == "log-1")
        assert BlocksHold({3: "0000abcd"})(alone).valid == "unknown"
        assert BlocksHold({3: "0000abcd"}, readers=1)(alone).valid == "valid"


class TestMarksKept:
    """marks_kept."""

    def test_the_letter_depends_on_the_last_checkpoint(self) -> None:
        """Without it the first mark is the survivor's own too."""
        verdict = MarksKept()(without(disks(), lambda entry: entry.kind in ("trace", "event")))
        assert verdict.valid == "invalid"
        assert "log-1 read(slot=7): A… came, side B is due" in verdict.reason

    def test_a_mark_amid_a_checkpoint_is_unknown(self) -> None:
        """It may belong to either side of it."""
        assert MarksKept()(changed(disks(), ended("mark"), at=1.02)).valid == "unknown"

    def test_an_empty_slot_is_invalid(self) -> None:
        """The primary's write never arrived."""
        lost = changed(disks(), ended("read"), text=None)
        assert "EMPTY came, side A is due" in MarksKept()(lost).reason

    def test_both_letters_must_be_due_somewhere(self) -> None:
        """One kind of mark shows half of it."""
        half = without(disks(), lambda entry: entry.what == "mark" and entry.at < 1)
        assert MarksKept()(half).reason == "no mark is due to read A"
