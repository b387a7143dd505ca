"""The contracts of the intervals of releases: who is held to which, and that no entry of one can be wrong unseen."""

import copy
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from colo_harness.colo.told import words
from colo_harness.history import Entry
from colo_harness.judge.promises import AsPromised
from colo_harness.qemu.inquiry import KINDS, NEEDED
from colo_harness.qemu.interval import number
from colo_harness.qemu.promises import FOLDER, Promises, contracts, promised, questions, told_of
from colo_harness.typed import plain, typed

FILES = sorted(FOLDER.glob("[0-9]*.toml"))
NOT_ASKED = {"since", "until", "seen_on", "documents", "capabilities"}
"""What the file is about, where it comes from, and the capabilities, with which a pair is started."""
ALL = (*KINDS, "in_colo", "procedures")
Place = tuple[str | int, ...]


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every single value in a file."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [leaf for key, item in inside for leaf in leaves(item, (*place, key))]
    yield from found or [place]


def spoilt(told: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return a file whose value in this place is another one."""
    changed = copy.deepcopy(told)
    *way, last = place
    inner: Any = changed
    for key in way:
        inner = inner[key]
    value = inner[last]
    inner[last] = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value} not"
    return changed


def facts(promises: Promises) -> Iterator[tuple[str, str, object]]:
    """Yield kind, name and value of all that a QEMU or a pair is asked for."""
    for kind in ALL:
        for name, value in promises.of(kind).items():
            yield kind, name, value


def answered(promises: Promises) -> list[Entry]:
    """Return the history of a QEMU and a pair that are what is promised."""
    return [
        Entry(at, "observe", "bare", "found", {"of": kind, "name": name, "value": plain(value)}, at + 2)
        for at, (kind, name, value) in enumerate(facts(promises))
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_entry_can_be_wrong_unseen(path: Any) -> None:
    """Each value of a file, changed alone, makes the checker say no, and name it."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    entries = answered(typed(told, Promises))
    places = [place for place in leaves(told) if place[0] not in NOT_ASKED]
    unseen = []
    for place in places:
        wrong = typed(spoilt(told, place), Promises)
        said = [AsPromised(kind, wrong.of(kind))(entries) for kind in ALL]
        no = [verdict.reason for verdict in said if verdict.valid == "invalid"]
        unseen += [] if len(no) == 1 and str(place[1]) in no[0] else [place]
    assert len(places) > 100
    assert unseen == []


@pytest.mark.parametrize("promises", contracts(), ids=str)
def test_what_is_promised_is_what_is_found(promises: Promises) -> None:
    """Answers as promised are valid, and one that was not given is no pass."""
    entries = answered(promises)
    for kind in ALL:
        assert AsPromised(kind, promises.of(kind))(entries).valid == "valid"
        assert AsPromised(kind, promises.of(kind))([e for e in entries if e.data["of"] != kind]).valid == "unknown"


@pytest.mark.parametrize("promises", contracts(), ids=str)
def test_each_question_is_answered(promises: Promises) -> None:
    """By each interval, and no answer is to nothing; objects are those that can be made."""
    assert set(promises.answers) == set(questions()["answers"])
    assert set(promises.options) == set(questions()["options"])
    assert set(promises.in_colo) == set(questions()["in_colo"])
    assert set(promises.defaults) == set(NEEDED)


@pytest.mark.parametrize("promises", contracts(), ids=str)
def test_a_contract_was_seen_to_hold(promises: Promises) -> None:
    """On a release of its interval at least."""
    assert promises.seen_on
    assert all(promises.names(release) for release in promises.seen_on)


def test_intervals_do_not_overlap() -> None:
    """Each ends before the next one begins."""
    ends = [number(one) for each in contracts() for one in (each.since, each.until)]
    assert ends == sorted(ends)


@pytest.mark.parametrize(
    ("release", "since"),
    [
        ("5.2.0 Debian 1:5.2+dfsg-11", "5.2"),
        ("4.1.0", "5.2"),
        ("6.1.0", "5.2"),
        ("7.2.22", "7.2"),
        ("8.2.0", "7.2"),
        ("9.2.4", "10.0"),
        ("10.0.13", "10.0"),
        ("10.2.50", "10.0"),
        ("11.1.3", "11.0"),
        ("11.1.50", "11.0"),
        ("12.1.0", "11.0"),
    ],
)
def test_each_release_is_held_to_the_nearest(release: str, since: str) -> None:
    """Its own contract, or the one whose end or beginning is nearest."""
    assert promised(release).since == since


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("11.1.3", "promises of 11.0 to 12.0"),
        ("11.1.50", "promises of 11.0 to 12.0, the nearest: a development build"),
        ("9.2.4", "promises of 10.0 to 11.0, the nearest: no interval names it"),
    ],
)
def test_it_is_told_who_has_no_contract_of_his_own(release: str, words: str) -> None:
    """In words."""
    assert told_of(release) == words


@pytest.mark.parametrize(
    ("command", "arguments", "told"),
    [
        ("x-colo-lost-heartbeat", {}, "x-colo-lost-heartbeat"),
        (
            "x-blockdev-change",
            {"parent": "colo-disk0", "child": "children.1"},
            "x-blockdev-change colo-disk0 children.1",
        ),
        (
            "object-add",
            {"qom-type": "filter-mirror", "id": "m0", "position": "id=rew0"},
            "object-add filter-mirror m0 before rew0",
        ),
        (
            "human-monitor-command",
            {"command-line": "drive_add -n b driver=x,file.node-name=nbd0,node-name=r0"},
            "drive_add r0",
        ),
        ("human-monitor-command", {"command-line": "drive_del r0"}, "drive_del r0"),
    ],
)
def test_commands_are_worded(command: str, arguments: dict[str, Any], told: str) -> None:
    """By what they are about."""
    assert words(command, arguments) == told
