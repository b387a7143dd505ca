"""Probes: they try, and say what stands in the way and what helps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine import probe

REMEDY = "choose another folder"


@pytest.mark.parametrize("ask", [probe.memory, probe.netns, probe.tap, probe.network, probe.tcpdump])
def test_this_machine_can_do_what_each_pair_needs(ask: Callable[[], str]) -> None:
    """Otherwise the conformance suite cannot run here at all."""
    assert ask()


@pytest.mark.parametrize(
    ("ask", "tool"),
    [(probe.netem, "tc"), (probe.tbf, "tc"), (probe.nft, "nft"), (probe.network, "ip"), (probe.tcpdump, "ip")],
)
def test_a_missing_tool_is_named(
    ask: Callable[[], str], tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that wanted it, and what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=rf"(?s)`{tool} .*cannot be started.*install"):
        ask()


def test_space_is_measured_where_it_is_needed(tmp_path: Path) -> None:
    """The folder is made, since a cache begins empty."""
    assert str(tmp_path) in probe.space(tmp_path / "new" / "cache", need=1, remedy=REMEDY)
    with pytest.raises(MachineError, match=rf"free in {tmp_path}, not 1073741824.0\n  make room there, or {REMEDY}"):
        probe.space(tmp_path, need=1 << 60, remedy=REMEDY)


def test_a_folder_that_cannot_be_written_is_no_space(tmp_path: Path) -> None:
    """However much is free there."""
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match=rf"{tmp_path}/file.*\n  {REMEDY}"):
        probe.space(tmp_path / "file" / "cache", need=1, remedy=REMEDY)


def test_too_little_memory_is_said_in_numbers() -> None:
    """Both what there is and what is needed."""
    with pytest.raises(MachineError, match=r"not 1073741824\.0"):
        probe.memory(need=1 << 60)
