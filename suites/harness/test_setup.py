"""`colo` tells its own faults apart from failed claims by its exit status."""

import sys
from pathlib import Path

import pytest

from colo_harness import cli
from colo_harness.errors import MachineError


def colo(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["colo", *arguments])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    return int(exit_.value.code or 0)


def test_a_wrong_option_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 2, as for all that is not the product's fault."""
    assert colo(monkeypatch, "setup", "--bogus") == 2


def test_the_machines_fault_is_one_line_and_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: the user is to act."""

    def ensure(**_: object) -> None:
        raise MachineError("no ip", "install it")

    monkeypatch.setattr("colo_harness.cli.setup.ensure", ensure)
    assert colo(monkeypatch, "setup", "--cache-dir", str(tmp_path)) == 2
    assert capsys.readouterr().err == "colo: no ip\n  install it\n"


def test_a_bug_of_ours_is_no_failed_claim(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and a traceback for whoever mends it."""

    def ensure(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("colo_harness.cli.setup.ensure", ensure)
    assert colo(monkeypatch, "setup", "--cache-dir", str(tmp_path)) == 2
    assert "ZeroDivisionError" in capsys.readouterr().err
