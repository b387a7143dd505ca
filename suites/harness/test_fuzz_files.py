"""A file of anybody is read or refused in words of ours, with its line."""

import gzip
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from colo_harness import foreign
from colo_harness.bench.comparison import Document, Version
from colo_harness.diagnosis import Told
from colo_harness.errors import UsageError
from colo_harness.foreign import read_json, read_toml
from colo_harness.history import VERSION, History
from colo_harness.judge.claims import load_claims
from colo_harness.judge.register import parse
from colo_harness.qemu import issues, promises
from colo_harness.recording import load
from colo_harness.report.past import CLAIMS, Past
from colo_harness.report.results import read_environment
from colo_harness.report.runs import Result, Verdicts
from colo_harness.settings import Settings
from suites.harness.fuzzing import Fuzz, fuzzing, mutated, values


@pytest.fixture
def fuzz(settings: Settings) -> Fuzz:
    """What tries examples."""
    return fuzzing(settings)


CLAIM = {"id": "A-1", "area": "proxy", "verdict": "valid", "seconds": 1.5, "reason": ""}
TEST = {"id": "a::b", "claims": ["A-1"], "verdict": "valid", "seconds": 1, "reason": ""}
SAMPLE = {"pair": 1, "seconds": 0.5}
ANSWER = {"name": "a", "state": "ok", "text": "", "remedy": "", "must": True, "seconds": 0.1}
DOCUMENTS: Mapping[str, tuple[Any, object]] = {
    "verdicts": (Verdicts, {"claims": [CLAIM], "tests": [TEST], "skipped": {"netem": 4}, "broken": ["no"]}),
    "result": (Result, {"labels": [{"name": "feature", "value": "x"}], "start": 4}),
    "version": (Version, {"bench": 2}),
    "figures": (
        Document,
        {"bench": 2, "run": "", "machine": {}, "accel": "tcg", "measures": [{"name": "a", "samples": [SAMPLE]}]},
    ),
    "doctor": (Told, {"answers": [ANSWER], "accelerators": {"tick": "tcg"}}),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_of_anybody(fuzz: Fuzz, tmp_path: Path, name: str) -> None:
    """A document is as it must be, or its line is named."""
    hint, sound = DOCUMENTS[name]
    file = tmp_path / "it.json"

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            read_json(file, hint, "no")

    fuzz(mutated(json.dumps(sound).encode(), json.dumps(sound, indent=1).encode()), attempt)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_with_other_values(fuzz: Fuzz, tmp_path: Path, name: str) -> None:
    """The line that is named is the one on which the wrong value stands."""
    hint, sound = DOCUMENTS[name]
    file = tmp_path / "it.json"
    text = json.dumps(sound, indent=0)
    places = [
        at for at, line in enumerate(text.split("\n")) if line.rstrip(",").endswith(('"', "1", "2", "4", "5", "e"))
    ]

    def attempt(example: tuple[int, object]) -> None:
        at, value = example
        lines = text.split("\n")
        key, colon, _ = lines[at].rpartition(": ")
        lines[at] = f"{key}{colon}{json.dumps(value)}{',' if lines[at].endswith(',') else ''}"
        file.write_text("\n".join(lines))
        with suppress(UsageError):
            read_json(file, hint, "no")
            return
        with pytest.raises(UsageError, match=rf"it\.json:({at + 1}|{at}): "):
            read_json(file, hint, "no")

    fuzz(st.tuples(st.sampled_from(places), st.lists(st.text("ab"), max_size=1) | st.none()), attempt)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("11.toml", promises.Promises), ("issues.toml", Mapping[str, issues.Issue])],
    ids=["contract", "issues"],
)
def test_toml_of_anybody(fuzz: Fuzz, tmp_path: Path, name: str, hint: Any) -> None:
    """A contract, and what is known to go wrong."""
    file = tmp_path / name
    sound = (promises.FOLDER / name).read_bytes()[:3000]

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            read_toml(file, hint, "no")

    fuzz(mutated(sound), attempt)


def test_claims_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """Claims that others have written."""
    file = tmp_path / "claims.toml"

    def attempt(content: bytes) -> None:
        file.write_bytes(content)
        with suppress(UsageError):
            load_claims(file)

    fuzz(mutated(b'[claims.LIFE-1]\ntext = "It holds."\nsource = "a"\narea = "lifecycle"\n'), attempt)


HISTORY = "\n".join(
    json.dumps(line)
    for line in (
        {"history": VERSION, "origin": 1.5, "test": None},
        {"at": 1, "kind": "op", "who": "a", "what": "echo", "data": {"op": 0, "type": "invoke"}},
        {"at": 2, "kind": "op", "who": "a", "what": "echo", "data": {"op": 0, "type": "ok"}},
        {"at": 3, "kind": "trace", "who": "host_a", "what": "colo_send_message", "data": {"message": "vmstate-send"}},
    )
).encode()


def test_a_history_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """Compressed or not."""
    file = tmp_path / "history.jsonl"

    def attempt(content: bytes) -> None:
        for whole in (content, gzip.compress(content)):
            file.write_bytes(whole)
            with suppress(UsageError):
                load(file)

    fuzz(mutated(HISTORY, gzip.compress(HISTORY)), attempt)


def test_the_past_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """What is kept of earlier runs."""

    def attempt(content: bytes) -> None:
        (tmp_path / CLAIMS).write_bytes(content)
        with suppress(UsageError):
            Past(tmp_path)

    fuzz(mutated(b'{"at": 1, "environment": "a", "claims": {"A-1": "valid"}}\n'), attempt)


def test_an_environment_of_anybody(fuzz: Fuzz, tmp_path: Path) -> None:
    """What Allure calls environment.properties."""

    def attempt(content: str) -> None:
        (tmp_path / "environment.properties").write_text(content, encoding="utf-8")
        with suppress(UsageError):
            read_environment(tmp_path)

    fuzz(st.text("a\\ =:\n\u2028é"), attempt)


def test_a_checker_of_anybody(fuzz: Fuzz) -> None:
    """What `--checker` is given."""

    def attempt(text: str) -> None:
        with suppress(UsageError):
            parse(text)

    told = st.sampled_from(["stall_below ", "no_reset", "x"]) | st.text(max_size=5)
    fuzz(st.builds(lambda name, value: name + json.dumps({"margin_s": value}), told, values) | st.text(), attempt)


def test_lines_of_json(fuzz: Fuzz) -> None:
    """What is read as JSON is written as the same JSON again."""

    def attempt(text: bytes) -> None:
        with suppress(ValueError, RecursionError):
            told = foreign.parse_json(text)
            assert foreign.parse_json(json.dumps(told, allow_nan=False)) == told

    fuzz(mutated(b'{"a": [1, 1.5, "\\u00e9", null, true]}', b"[" * 2000, b"1" * 5000), attempt)


def test_what_is_recorded(fuzz: Fuzz, tmp_path: Path) -> None:
    """A history takes any text that a guest, a QEMU or a client has said, and it comes back."""

    def attempt(said: str) -> None:
        with History(tmp_path / "history.jsonl", said) as history:
            history.record("console", "host_a", said)
            history.append("event", "host_a", said, {said: said})
        assert load(tmp_path / "history.jsonl").entries == history.entries

    fuzz(st.text() | st.binary(max_size=20).map(lambda raw: raw.decode(errors="surrogateescape")), attempt)
