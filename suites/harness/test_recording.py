"""A recorded history is read back whole, or the line is named at which it is damaged."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colo_harness.errors import UsageError
from colo_harness.history import VERSION, Entry, History
from colo_harness.recording import load

HEADER = f'{{"history":{VERSION},"origin":5.0,"test":null}}'
CHECK: dict[str, Any] = {"verdict": "valid", "reason": "", "at": None, "lines": [2], "parameters": {}, "until": 2}


def line(kind: str = "event", who: str = "host_a", what: Any = "STOP", when: Any = 1.5, **data: Any) -> str:
    """Return an entry as a file has it."""
    return json.dumps({"at": when, "kind": kind, "who": who, "what": what, "data": data})


def op(kind: str, number: Any = 0, **more: Any) -> str:
    """Return a moment of an operation as a file has it."""
    return line(**{"kind": "op", "who": "echo-0", "what": "echo", "op": number, "type": kind, **more})


def check(**changes: Any) -> str:
    """Return a verdict as a file has it."""
    return line("check", "judge", "no_reset", **{**CHECK, **changes})


def written(path: Path, lines: Iterable[str | bytes], end: bytes = b"\n") -> Path:
    """Write a file of these lines."""
    path.write_bytes(b"\n".join(one.encode() if isinstance(one, str) else one for one in lines) + end)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "history.jsonl"


def test_whatever_is_sound_is_read(path: Path) -> None:
    """Operations that did not end, entries out of order and before time zero, and lines that Windows has touched."""
    lines = [HEADER, op("invoke"), op("ok"), op("invoke", 1), line(when=-1), line(when=1) + "\r", check()]
    recording = load(written(path, lines))
    assert [(entry.line, entry.at) for entry in recording.entries] == [
        (2, 1.5),
        (3, 1.5),
        (4, 1.5),
        (5, -1),
        (6, 1),
        (7, 1.5),
    ]
    assert (recording.header.origin, recording.torn) == (5.0, None)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([HEADER, line(), line()[:-20], line()], ":3: no JSON (Expecting"),
        ([HEADER, ""], ":2: no JSON (Expecting value"),
        ([HEADER, b"\xff{}"], ":2: no JSON ('utf-8' codec can't decode"),
        ([HEADER, line(value=float("nan"))], ":2: no JSON (NaN is no JSON)"),
        ([HEADER, line().replace("1.5", "1e999")], ":2: no JSON (1e999 is not finite)"),
        ([HEADER, "[" * 100_000], ":2: no JSON (maximum recursion depth"),
        ([HEADER, "[]"], ":2: [] is no object"),
        ([HEADER, '{"at":1}'], ":2: kind is missing"),
        ([HEADER, line()[:-1] + ',"line":9}'], ":2: line is not known here"),
        ([HEADER, line("evnt")], ":2: kind: 'evnt' is none of 'op', 'event',"),
        ([HEADER, line(when="1")], ":2: at: '1' is not a number"),
        ([HEADER, line(when=10**400)], ":2: at: 100000000000000000...0000000000000000000 is not finite"),
        ([HEADER, line(when=True)], ":2: at: True is not a number"),
        ([HEADER, line(what=None)], ":2: what: None is not a text"),
        ([HEADER, line().replace("{}", "[]")], ":2: data: [] is no object"),
        ([HEADER, line("trace")], ":2: data: message is missing"),
        ([HEADER, line("fault", type="biten")], ":2: data.type: 'biten' is none of"),
        ([HEADER, line("fault", type="allow", allows="stderr")], ":2: data.allows: 'stderr' is no array"),
        ([HEADER, line("phase", delay_s="1")], ":2: data.delay_s: '1' is not a number"),
        ([HEADER, op("invoke"), op("done")], ":3: data.type: 'done' is none of 'invoke', 'ok', 'fail', 'info'"),
        ([HEADER, op("invoke", "0")], ":2: data.op: '0' is not a whole number"),
        ([HEADER, op("ok")], ":2: operation 0 was never invoked"),
        ([HEADER, op("invoke"), op("invoke")], ":3: operation 0 was invoked in line 2 already"),
        ([HEADER, op("invoke"), op("ok"), op("info")], ":4: operation 0 ended in line 3 already"),
        ([HEADER, op("invoke"), op("ok", who="echo-1")], ":3: operation 0 is the echo of echo-0 by line 2"),
        ([HEADER, line(), check(verdict="fine")], ":3: data.verdict: 'fine' is none of"),
        ([HEADER, line(), check(lines=["2"])], ":3: data.lines[0]: '2' is not a whole number"),
        ([HEADER, line(), check(lines=[3])], ":3: data.lines: line 3 is none of those that were judged"),
        ([HEADER, line(), check(until=3)], ":3: data.until: a verdict on line 3, which is not before it"),
        ([HEADER, line(), check(parameters=[])], ":3: data.parameters: [] is no object"),
        ([line()], ":1: no header of a history"),
        (["[]"], ":1: no header of a history"),
        ([HEADER.replace("5.0", "null")], ":1: origin: None is not a number"),
        ([HEADER.replace("null", "7")], ":1: test: 7 is not a text; 7 is not null"),
        ([f'{{"history":{VERSION}}}'], ":1: origin is missing"),
        (['{"history":1,"origin":0}'], f":1: a history of version 1; this `colo` reads version {VERSION}"),
        (['{"history":99}'], f":1: a history of version 99; this `colo` reads version {VERSION}"),
    ],
)
def test_damage_is_named_by_line(path: Path, lines: list[str | bytes], told: str) -> None:
    """The user learns where it is, what it is, and what to do."""
    with pytest.raises(UsageError) as caught:
        load(written(path, lines))
    assert caught.value.problem.startswith(f"{path}{told}")
    assert caught.value.remedy


def test_who_has_another_version_learns_which_side_is_old(path: Path) -> None:
    """A new history needs a new checkout, an old one the old."""
    for version, remedy in ((1, "judge it with the checkout that recorded it"), (99, "update this checkout")):
        with pytest.raises(UsageError) as caught:
            load(written(path, [f'{{"history":{version},"origin":0}}']))
        assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize("cut", [line()[:20], b"\0" * 4096], ids=["half", "zeros"])
def test_a_last_line_that_was_cut_off_is_left_out(path: Path, cut: str | bytes) -> None:
    """A runner that was killed, or lost its power, leaves one; what it saw before is worth judging."""
    recording = load(written(path, [HEADER, line(), cut], end=b""))
    assert (len(recording.entries), recording.torn) == (1, 3)


def test_only_damage_at_the_very_end_is_forgiven(path: Path) -> None:
    """A line that has its end was written whole; one that lacks only its end is whole; a header is needed."""
    assert load(written(path, [HEADER, line()], end=b"")).torn is None
    for lines in ([HEADER[:-5]], []):
        with pytest.raises(UsageError, match=r"history.jsonl:1: "):
            load(written(path, lines, end=b""))
    with pytest.raises(UsageError, match=r":2: kind: 'evnt'"):
        load(written(path, [HEADER, line("evnt")], end=b""))


def test_every_prefix_is_torn_or_whole(path: Path) -> None:
    """Wherever the power failed behind the header, what came before is read."""
    whole = written(path, [HEADER, op("invoke"), op("ok"), check(lines=[2, 2])]).read_bytes()
    for length in range(len(HEADER), len(whole) + 1):
        path.write_bytes(whole[:length])
        recording, lines = load(path), path.read_text(encoding="utf-8").splitlines()
        assert len(recording.entries) + (recording.torn is not None) == len(lines) - 1


def test_a_compressed_history_is_read_as_it_is(path: Path) -> None:
    """Whatever its name is."""
    plain = load(written(path, [HEADER, op("invoke"), op("ok")]))
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert load(path) == plain


def test_damage_to_a_compressed_history_is_named_by_line(path: Path) -> None:
    """A download that broke off, and one that was changed on its way."""
    packed = gzip.compress("\n".join([HEADER, *[line(when=at / 7) for at in range(5000)], ""]).encode())
    spoilt = bytearray(packed)
    spoilt[len(packed) // 2] ^= 0xFF
    for damaged in (packed[: len(packed) // 2], packed[:-6], bytes(spoilt), packed + b"more"):
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"history\.jsonl:\d+: ") as caught:
            load(path)
        assert caught.value.remedy


@pytest.mark.parametrize("name", ["absent.jsonl", "."])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A file that is not there, and a folder."""
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["at", "kind", "who", "what", "data", "op", "type", "lines", "until", "verdict", "history", "origin"]
)
objects = st.dictionaries(fields, json_values | st.sampled_from(["op", "check", "ok", VERSION]), max_size=6)
sound = st.sampled_from([HEADER, line(), op("invoke"), op("ok"), op("fail", 1), check(), line("fault", type="heal")])
anything = (objects | json_values).map(json.dumps).map(str.encode) | st.binary(max_size=40) | sound.map(str.encode)
in_haste = settings(
    derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def taken(path: Path) -> list[Entry] | None:
    """Return the entries of a file, None where it is refused as damaged files are."""
    try:
        return load(path).entries
    except UsageError as error:
        refused = error
    assert refused.problem.startswith(f"{path}:")
    assert refused.remedy
    return None


@given(first=st.just(HEADER.encode()) | anything, rest=st.lists(anything, max_size=6), end=st.binary(max_size=3))
@in_haste
def test_any_file_is_a_history_or_is_refused(path: Path, first: bytes, rest: list[bytes], end: bytes) -> None:
    """Never anything else, whatever the file holds; and what is taken is numbered as in the file."""
    whole = b"\n".join([first, *rest]) + end
    for content in (whole, gzip.compress(whole, mtime=0)):
        path.write_bytes(content)
        entries = taken(path) or []
        assert [entry.line for entry in entries] == list(range(2, len(entries) + 2))


changes = st.tuples(st.integers(0, 400), st.integers(0, 255))


@given(changes=st.lists(changes, min_size=1, max_size=3))
@in_haste
def test_a_file_with_changed_bytes_is_a_history_or_is_refused(path: Path, changes: list[tuple[int, int]]) -> None:
    """The same for what was a history once."""
    content = bytearray("\n".join([HEADER, op("invoke"), op("ok"), line("trace", message="x"), check(), ""]).encode())
    for at, byte in changes:
        content[at % len(content)] = byte
    path.write_bytes(content)
    entries = taken(path)
    assert entries is None or all(isinstance(entry, Entry) for entry in entries)


def test_what_is_recorded_is_read(path: Path) -> None:
    """By many kinds, with text of guests in it that is no UTF-8."""
    with History(path) as history:
        history.invoke("echo-0", "echo", n=1).ok(got="\udcff")
        history.record("console", "host_a", "\x1b[31m\r\0")
        history.record("fault", "nemesis", "allow", type="allow", allows=["stderr"])
    assert load(path).entries == history.entries
