"""Probes: they try, and say what stands in the way and what helps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colo_harness.machine import probe
from colo_harness.machine.probe import Probe


@pytest.mark.parametrize("ask", [probe.netns, probe.tun, probe.network, probe.tcpdump, probe.memory])
def test_this_machine_can_do_what_each_pair_needs(ask: Callable[[], Probe]) -> None:
    """Otherwise the conformance suite cannot run here at all."""
    assert ask() == Probe(ask.__name__, ok=True)


@pytest.mark.parametrize("ask", [probe.netem, probe.nft, probe.kvm_device])
def test_what_a_machine_may_lack_is_answered_with_a_remedy(ask: Callable[[], Probe]) -> None:
    """Whichever it is here, a no says why."""
    answer = ask()
    assert answer.name == ask.__name__
    assert answer.ok != bool(answer.reason)
    assert answer.ok != bool(answer.remedy)


@pytest.mark.parametrize(
    ("ask", "tool"), [(probe.netem, "tc"), (probe.nft, "nft"), (probe.network, "ip"), (probe.tcpdump, "ip")]
)
def test_a_missing_tool_is_named(
    ask: Callable[[], Probe], tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that wanted it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = ask()
    assert not answer.ok
    assert f"`{tool} " in answer.reason
    assert "cannot be started" in answer.reason


def test_space_is_measured_where_it_is_needed(tmp_path: Path) -> None:
    """The folder is made, since a cache begins empty."""
    assert probe.space(tmp_path / "new" / "cache", need=1).ok
    answer = probe.space(tmp_path, need=1 << 60)
    assert not answer.ok
    assert str(tmp_path) in answer.reason


def test_a_folder_that_cannot_be_written_is_no_space(tmp_path: Path) -> None:
    """However much is free there; the remedy names the option."""
    (tmp_path / "file").touch()
    answer = probe.space(tmp_path / "file" / "cache", need=1)
    assert not answer.ok
    assert "--cache-dir" in answer.remedy


def test_too_little_memory_is_said_in_numbers() -> None:
    """Both what there is and what is needed."""
    answer = probe.memory(need=1 << 60)
    assert not answer.ok
    assert "not 1073741824.0" in answer.reason
