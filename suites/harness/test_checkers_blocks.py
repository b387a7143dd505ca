"""Whose write was read, whose is due, and who heard of an error."""

import pytest

from colo_harness.history import Entry
from colo_harness.judge.blocks import ManagerTold, flushed_kept, reads_documented
from suites.harness.disks import P1, P2, S1, DiskTape, flawed, powerless, replicated, unheard
from suites.harness.histories import changed, is_a, without


def after_both_wrote() -> DiskTape:
    """Tell of a write on each side since the start."""
    return DiskTape().made().write(0.1, "primary", 0, 2, P1).write(0.2, "secondary", 1, 2, S1)


SAID = [
    (
        after_both_wrote().read(0.3, "secondary", [0, P1], [1, S1], [3, 1]),
        "secondary has primary's write 1 in sector 0, where what was before in cluster 1 is due",
    ),
    (
        after_both_wrote().read(0.3, "secondary", [0, 1]),
        "secondary has what was before in cluster 1 in sector 1, where secondary's write 1 is due",
    ),
    (
        after_both_wrote().read(0.3, "parent image", [0, P1], [1, S1], [3, 1]),
        "parent image has secondary's write 1 in sector 1, where primary's write 1 is due",
    ),
    (
        after_both_wrote().read(0.3, "primary", [0, 0], [1, -1], [2, 1]),
        "primary has zeros in sector 0, where primary's write 1 is due",
    ),
    (
        after_both_wrote().add(0.3, "phase", "bench", "checkpoint").read(0.4, "secondary", [0, P1], [1, S1], [3, 1]),
        "secondary has secondary's write 1 in sector 1, where primary's write 1 is due",
    ),
]


@pytest.mark.parametrize(("tape", "said"), SAID, ids=[said for _, said in SAID])
def test_what_is_read_is_called_by_whose_it_is(tape: DiskTape, said: str) -> None:
    """In one clause, with the first sector that is wrong."""
    verdict = reads_documented(tape.entries)
    assert (verdict.valid, verdict.reason) == ("invalid", said)


def test_a_survivor_has_the_last_checkpoint_and_its_own() -> None:
    """And the dead primary's later writes are gone; further checkpoints change nothing."""
    tape = after_both_wrote().add(0.3, "phase", "bench", "checkpoint")
    tape.write(0.4, "primary", 0, 3, P2).write(0.5, "secondary", 3, 1, S1 + 1)
    tape.add(0.6, "phase", "bench", "failover").add(0.7, "phase", "bench", "promoted")
    tape.write(0.8, "secondary", 4, 1, S1 + 2).add(0.9, "phase", "bench", "checkpoint")
    due = ([0, P1], [2, 1], [3, S1 + 1], [4, S1 + 2], [5, 1])
    tape.read(1.0, "secondary", *due).read(1.1, "parent image", *due)
    assert reads_documented(tape.entries).valid == "valid"


def test_a_primary_that_is_alone_changes_its_own_disk_only() -> None:
    """From the failover on."""
    tape = DiskTape().made().add(0.1, "phase", "bench", "detached").write(0.2, "primary", 0, 1, P1)
    assert reads_documented(tape.read(0.3, "local image", [0, P1], [1, 1]).entries).valid == "valid"
    assert reads_documented(tape.read(0.4, "parent image", [0, P1], [1, 1]).entries).valid == "invalid"


def test_a_read_that_fails_is_told() -> None:
    """Nothing was read, which is no pass."""
    tape = DiskTape().made().op(0.1, "primary", "read", {"sector": 7, "number": 1}, {"error": "EIO"}, outcome="fail")
    assert reads_documented(tape.entries).reason == "primary's read of sector 7 ended as fail: EIO"


def test_disks_that_are_made_anew_are_as_before() -> None:
    """What was written to the old ones does not count."""
    entries = [*replicated(), *(later(entry, 10) for entry in DiskTape().made().read(0.1, "primary", [0, 1]).entries)]
    assert reads_documented(entries).valid == "valid"


def later(entry: Entry, by: float) -> Entry:
    """Return the same entry, later, of another operation."""
    data = {**entry.data, "op": 100 + entry.data["op"]} if "op" in entry.data else entry.data
    return Entry(entry.at + by, entry.kind, entry.who, entry.what, data, entry.line + 100)


def test_who_tells_the_manager_and_how() -> None:
    """Only the ways that are asked for count, and only since the start."""
    assert ManagerTold("primary", by=("event",))(unheard()).valid == "valid"
    silent = ManagerTold("primary", by=("status",))(unheard())
    assert (silent.valid, silent.reason) == ("invalid", "primary told nothing by status")
    ways = [ManagerTold("secondary", by=(way,))(flawed()).reason for way in ("event", "status", "refusal")]
    assert ways == [f"secondary told by {way}" for way in ("event", "status", "refusal")]


def test_what_is_refused_in_the_end_tells_nothing() -> None:
    """Taking the disks down stops what runs, which the reference QEMU refuses."""
    ended = changed(flawed(), is_a("event"), at=0.5)
    ended = without(ended, is_a("observe"))
    ended.insert(3, Entry(0.3, "phase", "bench", "end", {}, 99))
    assert ManagerTold("secondary")(ended).valid == "unknown"


def test_a_power_cut_may_leave_what_was_written_later() -> None:
    """But not what was there before, nor an older write."""
    assert flushed_kept(powerless()).valid == "valid"
    cut = is_a("op", "read", "power cut", type="ok")
    lost = [entry for entry in powerless() if cut(entry)][2]
    older = changed(powerless(), lambda entry: entry == lost, runs=[[0, 1], *lost.data["runs"][2:]])
    assert flushed_kept(older).reason.startswith("a power cut after 2 entries leaves 1 in sector 0, where 32 had")
