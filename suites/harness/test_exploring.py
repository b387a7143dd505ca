"""Generated traffic finds what is broken, tells how it is found again, and leaves a sound comparer alone."""

import pytest

from colo_harness.history import History
from colo_harness.judge.documented import Covered, as_documented
from colo_harness.proxy.player import KINDS
from suites.harness.comparers import BROKEN, Comparer
from suites.proxy.exploring import Explorer


def explored(make: type[Comparer], *, seed: int = 1, rounds: int) -> History:
    """Return what is left in the history when scripts were played to comparers of a kind."""
    history = History()
    Explorer(lambda: make(history), history).explore(seed, rounds=rounds)
    return history


def script_of(history: History) -> list[str]:
    """Return the script that was not answered as documented; empty if each one was."""
    return [line for entry in history if entry.what == "script" for line in entry.data["value"]]


def test_a_sound_comparer_is_left_alone() -> None:
    """Whatever is played to it, it does as documented; and everything is played to it."""
    history = explored(Comparer, rounds=3)
    assert script_of(history) == []
    assert as_documented(history.entries).valid == "valid"
    assert Covered(KINDS).judge(history.entries).valid == "valid"


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_one_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In one way each; the script that shows it is short, and is told with its seed."""
    history = explored(BROKEN[name], rounds=20)
    assert as_documented(history.entries).valid == "invalid"
    assert 0 < len(script_of(history)) <= 8
    assert f"\n    {script_of(history)[0]}\n" in (told := capsys.readouterr().out)
    assert "found again by --seed=" in told


def test_a_seed_finds_it_again() -> None:
    """The same seed plays the same scripts: the same one fails, and is shrunk to the same."""
    first, second = (explored(BROKEN["hasty"], seed=7, rounds=9) for _ in range(2))
    assert script_of(first) == script_of(second) != []
