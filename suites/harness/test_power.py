"""Which claim has noticed which defect, of verdicts that are given."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from colo_harness.cli import app, power
from colo_harness.cli.power import noticed

TOLD = {
    "sound": {"LIFE-1": "valid", "FT-1": "valid", "FT-2": "known", "FT-3": "invalid"},
    "no-colo": {"LIFE-1": "invalid", "FT-1": "valid"},
    "qemu-bad": {"LIFE-1": "valid", "FT-1": "unknown"},
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stand in for the runs; what each was asked is kept."""
    asked: list[list[str]] = []

    def verdicts(options: Sequence[str], place: Path) -> dict[str, str]:
        asked.append(list(options))
        return TOLD[place.name]

    monkeypatch.setattr(power, "verdicts", verdicts)
    return asked


def test_each_claim_that_holds_is_told_of_each_defect(told: list[list[str]], tmp_path: Path) -> None:
    """What does not hold without a defect is left out; who has noticed none is named, and the status is 1."""
    file = tmp_path / "power.json"
    options = ["--sabotage", "no-colo", "--build", str(tmp_path / "qemu-bad"), "--json", str(file)]
    ended = CliRunner().invoke(app, ["power", *options, "--results-dir", str(tmp_path), "--", "-k", "some"])

    expected = {
        "LIFE-1": {"no-colo": "caught", "qemu-bad": "missed"},
        "FT-1": {"no-colo": "missed", "qemu-bad": "unknown"},
    }
    assert json.loads(file.read_text(encoding="utf-8"))["claims"] == expected
    assert ended.exit_code == 1
    assert "noticed none of them: FT-1" in ended.output
    assert [options[0] for options in told] == ["--sabotage=sound", "--sabotage=no-colo", f"--qemu={tmp_path}/qemu-bad"]
    assert all(options[-2:] == ["-k", "some"] for options in told)


def test_no_verdict_is_not_taken_for_one() -> None:
    """A run that broke, or a claim of which it says nothing, has noticed nothing and missed nothing."""
    assert noticed({}, "FT-1") == "unknown"
    assert noticed({"FT-1": "unknown"}, "FT-1") == "unknown"
