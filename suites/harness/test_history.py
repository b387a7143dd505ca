"""A history keeps everything, in order, whoever records, and tells where a file is damaged."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colo_harness.errors import ProductFailure, WaitTimeout
from colo_harness.history import VERSION, Entry, Header, History, Kind
from colo_harness.qemu.topology import Role
from colo_harness.recording import load

WRITERS = 8
EACH = 200


def stop(entry: Entry) -> bool:
    """Match a STOP."""
    return entry.what == "STOP"


def test_what_is_recorded_is_on_disk_at_once_and_can_be_read_back(tmp_path: Path) -> None:
    """Killed at any moment, the file holds what was recorded before."""
    path = tmp_path / "history.jsonl"
    history = History(path)
    history.record("event", "host_a", "STOP", at=1.25, reason="x")
    history.invoke("echo-0", "echo", n=0).ok(got="y")
    assert load(path).entries == history.entries
    assert [entry.line for entry in load(path).entries] == [entry.line for entry in history] == [2, 3, 4]
    history.close()


def test_what_is_forgotten_is_on_disk_no_more(tmp_path: Path) -> None:
    """What is recorded then follows on what was there at the mark."""
    path = tmp_path / "history.jsonl"
    with History(path) as history:
        history.record("event", "host_a", "STOP")
        mark = history.mark()
        history.record("event", "host_a", "RESUME", why="to be forgotten, and longer than what follows")
        history.record("event", "host_a", "RESUME")
        history.forget(mark)
        history.record("event", "host_a", "JOB")
        assert [entry.what for entry in history] == ["STOP", "JOB"]
        assert load(path).entries == history.entries


def test_data_may_be_called_like_what_is_told_by_position(tmp_path: Path) -> None:
    """QEMU's events may carry any key."""
    with History(tmp_path / "history.jsonl") as history:
        history.record("event", "host_a", "JOB", kind=1, who=2, what=3)
    assert load(tmp_path / "history.jsonl").entries[0].data == {"kind": 1, "who": 2, "what": 3}


def test_memory_and_file_say_the_same(tmp_path: Path) -> None:
    """What Python tells apart and JSON does not, and time below a microsecond, is judged as the file has it."""
    with History(tmp_path / "history.jsonl", "suites/lifecycle/test_start.py::test_it") as history:
        history.record("observe", "host_a", "query", at=1 / 3, value={"modes": ("a", "b"), 1: None}, role=Role.PRIMARY)
    (told,) = history
    assert (told.at, told.data) == (0.333333, {"value": {"modes": ["a", "b"], "1": None}, "role": "primary"})
    recording = load(tmp_path / "history.jsonl")
    assert recording.entries == [told]
    assert recording.header == Header(VERSION, history.origin, "suites/lifecycle/test_start.py::test_it")


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("op", {"op": 0, "type": "okay"}, "data.type: 'okay' is none of 'invoke', 'ok', 'fail', 'info'"),
        ("observe", {"value": float("nan")}, "not JSON compliant"),
        ("evnt", {}, "kind: 'evnt' is none of"),
    ],
)
def test_nothing_is_recorded_that_could_not_be_read_back(
    tmp_path: Path, kind: Kind, data: dict[str, object], told: str
) -> None:
    """Who tries learns it at once, and the file stays whole."""
    with History(tmp_path / "history.jsonl") as history:
        with pytest.raises(ValueError, match=told):
            history.append(kind, "host_a", "it", data)
        history.record("event", "host_a", "STOP")
    assert load(tmp_path / "history.jsonl").entries == history.entries


def test_an_operation_ends_as_it_was_invoked() -> None:
    """The number ties its entries together."""
    history = History()
    first, second = history.invoke("a", "echo", n=0), history.invoke("b", "echo", n=0)
    second.fail(wrong="x")
    first.info(error="EOFError")
    told = [(entry.who, entry.data["op"], entry.data["type"]) for entry in history]
    assert told == [("a", 0, "invoke"), ("b", 1, "invoke"), ("b", 1, "fail"), ("a", 0, "info")]


def test_an_operation_may_ask_for_a_byte_at_an_index() -> None:
    """That `at` is data, not the moment."""
    history = History()
    history.invoke("differ-0", "differ", at=511).ok(at=511)
    assert [entry.data["at"] for entry in history] == [511, 511]
    assert all(entry.at < 60 for entry in history)


def test_entries_are_a_copy() -> None:
    """A reader cannot change a history, nor see it grow."""
    history = History()
    seen = history.entries
    history.record("phase", "pair", "start")
    assert (len(seen), len(history)) == (0, 1)


def test_a_closed_history_stays_readable(tmp_path: Path) -> None:
    """Checks are recorded after the file is closed, in memory only."""
    with History(tmp_path / "history.jsonl") as history:
        history.record("phase", "pair", "start")
    history.record("phase", "pair", "end")
    assert [entry.what for entry in history] == ["start", "end"]


def test_real_time_is_converted_to_the_one_clock() -> None:
    """QEMU stamps its events with the wall clock."""
    history = History()
    assert history.when(history.origin + 2.5) == pytest.approx(2.5)
    assert 0 <= history.now() < 60


class TestWaiting:
    """cursor and wait_for."""

    def test_what_was_recorded_since_the_cursor_is_found_at_once(self) -> None:
        """Nothing is missed between taking the cursor and waiting."""
        history = History()
        since = history.cursor()
        history.record("event", "host_a", "STOP")
        assert history.wait_for("a stop", stop, since=since, timeout=0).what == "STOP"

    def test_what_was_recorded_before_the_cursor_is_not_found(self) -> None:
        """The error tells what was seen since, and is the product's."""
        history = History()
        history.record("event", "host_a", "STOP")
        since = history.cursor()
        history.record("event", "host_a", "RESUME", at=3.0)
        history.invoke("echo-0", "echo")
        with pytest.raises(WaitTimeout, match=r"0.05 s for a stop; last seen: 3.000 host_a event RESUME$") as caught:
            history.wait_for("a stop", stop, since=since, timeout=0.05)
        assert isinstance(caught.value, ProductFailure)

    def test_a_waiter_is_woken_by_another_thread(self) -> None:
        """As soon as it is recorded, long before the time is over."""
        history = History()
        threading.Timer(0.05, history.record, ("event", "host_a", "STOP")).start()
        history.wait_for("a stop", stop, since=history.cursor(), timeout=30)
        assert history.now() < 15

    def test_successive_waits_see_each_entry_once(self) -> None:
        """The line of one match is the cursor of the next wait."""
        history = History()
        for at in (1.0, 2.0, 3.0):
            history.record("event", "host_a", "STOP", at=at)
        found, since = [], 0
        for _ in range(3):
            entry = history.wait_for("a stop", stop, since=since, timeout=0)
            found.append(entry.at)
            since = entry.line - 1
        assert found == [1.0, 2.0, 3.0]


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    """Each line is whole, each operation has a number of its own, line numbers are those of the file."""
    path = tmp_path / "history.jsonl"
    with History(path) as history, ThreadPoolExecutor(WRITERS) as threads:

        def work(writer: int) -> None:
            for n in range(EACH):
                history.invoke(f"echo-{writer}", "echo", n=n).ok(got=str(n))

        for job in [threads.submit(work, writer) for writer in range(WRITERS)]:
            job.result()
    entries = load(path).entries
    assert [entry.line for entry in entries] == list(range(2, 2 + 2 * WRITERS * EACH))
    assert [entry.line for entry in history] == [entry.line for entry in entries]
    assert {entry.data["op"] for entry in entries} == set(range(WRITERS * EACH))
    for writer in range(WRITERS):
        mine = [entry.data["n"] for entry in entries if entry.who == f"echo-{writer}" and "n" in entry.data]
        assert mine == list(range(EACH))


def test_a_file_has_one_json_object_a_line(tmp_path: Path) -> None:
    """Whatever is recorded, line ends and other scripts included."""
    path = tmp_path / "history.jsonl"
    with History(path) as history:
        history.record("console", "host_a", "zwei\nZeilen \u2028 ☃")
    header, line = path.read_text(encoding="utf-8").split("\n")[:2]
    assert json.loads(header)["history"] == VERSION
    assert json.loads(line)["what"] == "zwei\nZeilen \u2028 ☃"
    assert len(load(path).entries) == 1
