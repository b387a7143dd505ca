"""A manager on duty: what it says is taken down, and what it must not say or do is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from colo_harness.colo.failover import ALONE, YANK
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.rehearsal import BY_ITSELF
from colo_harness.errors import HarnessError, MachineError
from colo_harness.manager.duty import Duty
from colo_harness.manager.manager import Outside
from colo_harness.qemu.topology import HOSTS, Role

MANAGED = pytest.mark.topology(guest="tick", managed=True)


@MANAGED
@pytest.mark.parametrize("said", ["hello", '{"what": "promoted"}', '{"at": 1, "what": "sung", "host": "host_a"}', "[]"])
def test_what_is_no_word_is_named(idle_pair: ColoPair, tmp_path: Path, said: str) -> None:
    """With who said it, and where the words are."""
    with (
        Duty(idle_pair, Outside(f"echo '{said}'"), tmp_path) as duty,
        pytest.raises(HarnessError, match=r"manager said .*, which is no word of a manager .*\n  docs/heartbeat.md"),
    ):
        duty.start()


@MANAGED
def test_a_manager_that_dies_is_told_with_its_last_words(idle_pair: ColoPair, tmp_path: Path) -> None:
    """And how to run it by hand."""
    with (
        Duty(idle_pair, Outside("sh -c 'echo out of cheese >&2; exit 3'"), tmp_path) as duty,
        pytest.raises(MachineError, match="manager ended with status 3:\nout of cheese\n\n  run it by hand: sh -c"),
    ):
        duty.start()


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_what_is_rehearsed_is_what_is_done(pair: ColoPair, artifacts: Path, role: Role) -> None:
    """A manager is handed the commands of our own failover, in order; and the pair knows the same of the survivor."""
    host = pair.host(role)
    rehearsal = pair.rehearse(ALONE[role], awaited=BY_ITSELF)
    before = len(_told(artifacts, host))
    pair.failover_to(role)
    done = [_plain(one) for one in _told(artifacts, host)[before:] if not one["execute"].startswith("query-")]
    assert [_plain(order["command"]) for order in rehearsal.orders[host] if "until" not in order] == done
    assert pair.graphs[host] == rehearsal.graphs[host]


def test_a_rehearsal_changes_nothing(pair: ColoPair) -> None:
    """The QEMUs go on in COLO, and are what they were."""
    graphs, since = dict(pair.graphs), pair.history.cursor()
    for role in Role:
        pair.rehearse(YANK[role], ALONE[role], awaited=BY_ITSELF)
    pair.checkpoint()
    assert pair.graphs == graphs
    assert [pair.host(role) for role in Role] == list(HOSTS)
    assert not [entry for entry in pair.history.entries[since:] if entry.what == "COLO_EXIT"]


def _told(artifacts: Path, host: str) -> list[dict[str, Any]]:
    """Return what was said to a host's QEMU on its first monitor."""
    lines = (artifacts / host / "qmp.qmp.jsonl").read_text(encoding="utf-8").splitlines()
    return [one["message"] for one in map(json.loads, lines) if one["way"] == "to"]


def _plain(command: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return command["execute"], command.get("arguments") or {}
