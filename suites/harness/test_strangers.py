"""A file that somebody else has made is read, or refused with file, line and key: never with a traceback."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from colo_harness import foreign
from colo_harness.bench.comparison import read
from colo_harness.cli import main
from colo_harness.diagnosis import Told
from colo_harness.errors import HarnessError, UsageError
from colo_harness.foreign import LARGEST, read_json, read_toml
from colo_harness.history import VERSION
from colo_harness.judge.claims import load_claims
from colo_harness.qemu import issues, promises
from colo_harness.recording import load
from colo_harness.report.junit import junit
from colo_harness.report.past import Past, points
from colo_harness.report.results import FOLDER, write_environment
from colo_harness.report.runs import Run, environments
from colo_harness.report.summary import summary
from colo_harness.report.timeline import draw

DEEP = 100_000
Read = Callable[[Path], object]


def results(file: Path) -> object:
    """Read a run whose one result this is."""
    return [*Run.of(file.parents[1]).results()]


def verdicts(file: Path) -> object:
    """Read a run whose verdicts these are."""
    raw = file.parent / FOLDER
    raw.mkdir(exist_ok=True)
    (raw / "it-result.json").write_text("{}")
    return Run.of(file.parent)


READERS: Mapping[str, Read] = {
    "claims.toml": load_claims,
    "contract.toml": lambda file: read_toml(file, promises.Promises, promises.MEND),
    "issues.toml": lambda file: read_toml(file, Mapping[str, issues.Issue], promises.MEND),
    "run/claims.json": verdicts,
    f"run/{FOLDER}/it-result.json": results,
    "claims.jsonl": lambda file: Past(file.parent).points,
    "bench.json": read,
    "doctor.json": lambda file: read_json(file, Told, "name another"),
    "history.jsonl": load,
}
"""By the name that a file must have."""
NOT_EMPTY = [name for name in READERS if name not in {"claims.jsonl", "issues.toml"}]
STRANGE: Mapping[str, bytes] = {
    "no-utf-8": b'"\xff\xfe"\n',
    "nul": b"\0" * 4096,
    "deep": b"[" * DEEP + b"\n",
    "deep-table": b"a = " + b"[" * DEEP + b"\n",
    "not-a-number": b'{"bench": NaN}\n',
    "endless": b'{"bench": 1e999}\n',
    "huge": b'{"bench": ' + b"9" * 9999 + b"}\n",
    "huge-in-toml": b"a = 0x" + b"f" * 9999 + b"\n",
    "twice": b'{"a": 1, "a": 2}\n',
    "other-json": b'[["a", 1]]\n',
    "html": b"<!DOCTYPE html>\n",
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("name", READERS)
def test_strange_content_is_refused(name: str, strange: str, tmp_path: Path) -> None:
    """Whatever it is; the file is named, and a line of it."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(STRANGE[strange])
    with pytest.raises(UsageError) as refused:
        READERS[name](file)
    assert re.match(rf"{re.escape(str(file))}:\d+: \S|{re.escape(str(file))}: cannot be read", refused.value.problem)
    assert refused.value.remedy


@pytest.mark.parametrize("name", NOT_EMPTY)
def test_an_empty_file_is_refused(name: str, tmp_path: Path) -> None:
    """With its name and a line."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with pytest.raises(UsageError, match=rf"{re.escape(str(file))}:1: "):
        READERS[name](file)


@pytest.mark.parametrize("name", ["claims.toml", "bench.json", "claims.jsonl", "history.jsonl"])
def test_a_file_of_any_size_is_refused(name: str, tmp_path: Path) -> None:
    """One of a terabyte, which has no room to be read, costs no more than what the largest of ours may have."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(UsageError, match=rf"(larger|longer) than {LARGEST >> 20} MiB"):
        READERS[name](file)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ('{\n"claims": [\n{"id": "A-1",\n"verdict": "fine"}]}', r":3: claims\[0\]: area is missing"),
        (
            '{\n"broken": [],\n"skipped": {"a.b": [1],\n"netem": "4"}}',
            r":3: skipped\.a\.b: \[1\] is not a ",
        ),
        ('{\n"broken": ["a",\n"b",\n  7]}', r":4: broken\[2\]: 7 is not a text"),
        ('{\n"tests": [{}, \n{"id": "a", "claims": 1}]}', r":2: tests\[0\]: id is missing"),
    ],
)
def test_line_and_key_are_named(told: str, said: str, tmp_path: Path) -> None:
    """Of JSON, in whatever it is nested."""
    (tmp_path / "claims.json").write_text(told)
    with pytest.raises(UsageError, match=rf"claims\.json{said}"):
        verdicts(tmp_path / "claims.json")


@pytest.mark.parametrize(
    ("changed", "into", "key"),
    [
        ('since = "11.0"', "since = 11", "since: 11 is not a text"),
        ('colo = "docs/system/qemu-colo.rst"', "colo = [1]", r"documents\.colo: \[1\] is not a text"),
        ('secondary = ["return-path", "x-colo"]', "secondary = [1]", r"capabilities\.secondary\[0\]: 1 is not a text"),
    ],
)
def test_line_and_key_of_a_contract_are_named(changed: str, into: str, key: str, tmp_path: Path) -> None:
    """Of TOML, below whatever table it is."""
    text = (promises.FOLDER / "11.toml").read_text(encoding="utf-8")
    line = text[: text.index(changed)].count("\n") + 1
    (tmp_path / "contract.toml").write_text(text.replace(changed, into, 1))
    with pytest.raises(UsageError, match=rf"contract\.toml:{line}: {key}"):
        READERS["contract.toml"](tmp_path / "contract.toml")


@pytest.mark.parametrize("name", ["no", "folder"])
def test_what_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """A file that is not there, or is none."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=rf"{tmp_path}/{name}: cannot be read \("):
        read_json(tmp_path / name, dict[str, object], "name another")


def header(test: str) -> str:
    """Return the first line of a history of this test."""
    return json.dumps({"history": VERSION, "origin": 1.5, "test": test}) + "\n"


EVIL = "\x1b]0;owned\x07\x1b[2J\u202e<script>alert(1)</script>&\r"


def event(**data: Any) -> str:
    """Return a line with an event that has strange words in it."""
    return json.dumps({"at": 2.5, "kind": "event", "who": "host_a", "what": EVIL, "data": {EVIL: EVIL, **data}}) + "\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("judge", "{evil}/history.jsonl"),
        ("judge", "{evil}/broken.jsonl"),
        ("timeline", "{evil}/history.jsonl"),
        ("timeline", "{evil}/broken.jsonl"),
        ("replay", "{evil}/history.jsonl"),
        ("report", "{evil}/no"),
        ("bench", "compare", "{evil}/history.jsonl", "{evil}/no.json"),
        ("judge", "--checker", EVIL, "{evil}/history.jsonl"),
        ("explain", "--guest", "{evil}/no"),
    ],
    ids=lambda words: "-".join(word.split("/")[-1] for word in words[:2]) + ("-evil" if EVIL in words else ""),
)
def test_a_terminal_gets_no_commands(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither from a history nor from a name; and no traceback."""
    place = tmp_path / EVIL.replace("/", "")
    place.mkdir()
    (place / "history.jsonl").write_text(header(EVIL) + event(), encoding="utf-8")
    (place / "broken.jsonl").write_text(header(EVIL) + event()[:-9] + "\n" + event(), encoding="utf-8")
    words = (word.format(evil=place) if "{evil}" in word else word for word in arguments)
    monkeypatch.setattr(sys, "argv", ["colo", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = "".join(capsys.readouterr())
    assert said
    assert "Traceback" not in said
    assert not set(said) & {"\x1b", "\x07", "\r", "\u202e"}
    assert ended.value.code in {0, 2, 3}, said


def test_a_page_gets_no_commands(tmp_path: Path) -> None:
    """What a history says is text in its picture, whatever it says."""
    file = tmp_path / "history.jsonl"
    file.write_text(header(EVIL) + event(), encoding="utf-8")
    drawn = draw(file, EVIL).decode()
    assert "<script>" not in drawn
    assert not set(drawn) & {"\x1b", "\x07", "\u202e"}


def test_a_summary_gets_no_commands(tmp_path: Path) -> None:
    """Nor does that of results, whatever claims, tests and troubles are called."""
    claim = {"id": EVIL, "area": EVIL, "verdict": "known", "seconds": 1, "reason": EVIL}
    told = {"claims": [claim], "tests": [{**claim, "claims": [EVIL]}], "skipped": {EVIL: 1}, "broken": [EVIL]}
    run = tmp_path / "run"
    (run / FOLDER).mkdir(parents=True)
    (run / "claims.json").write_text(json.dumps(told), encoding="utf-8")
    label = {"name": "feature", "value": f"{EVIL}: {EVIL}"}
    (run / FOLDER / "it-result.json").write_text(json.dumps({"start": 1, "labels": [label]}), encoding="utf-8")
    write_environment(run / FOLDER, {"QEMU": EVIL, EVIL: EVIL})
    runs = environments([Run.of(run)])
    assert "<script>" not in summary(runs, points(runs), Past(tmp_path), {EVIL: EVIL})
    assert b"<script>" not in junit(runs)


def test_a_surrogate_is_no_character(tmp_path: Path) -> None:
    """It could not be written to any file again."""
    (tmp_path / "it.json").write_text('{"a": "\\ud800"}')
    with pytest.raises(UsageError, match="surrogates not allowed"):
        read_json(tmp_path / "it.json", dict[str, object], "name another")
    assert foreign.parse_json('"\\ud83d\\ude00"') == "\U0001f600"


def test_ours_are_read() -> None:
    """Every file of this kind that comes along is as it must be."""
    assert issues.issues()
    assert promises.contracts()
    assert promises.questions()
    with pytest.raises(HarnessError):
        read_toml(promises.FOLDER / "issues.toml", promises.Promises, "")
