"""Generated traffic finds what is broken, tells how it is found again, and leaves a sound comparer alone."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from colo_harness.errors import WaitTimeout
from colo_harness.history import History
from colo_harness.judge.documented import Covered, as_documented
from colo_harness.judge.judgement import check
from colo_harness.proxy import known
from colo_harness.proxy.compare import Compare
from colo_harness.proxy.flow import Flow
from colo_harness.proxy.player import KINDS
from suites.harness.comparers import BROKEN, Comparer
from suites.proxy import test_compare_found
from suites.proxy.exploring import Explorer, OnBench


class OnItsOwn(Comparer):
    """A sound one that can be taken for one on a bench."""

    @property
    def bench(self) -> Self:
        """Be it."""
        return self

    @property
    def out(self) -> None:
        """There is no port to be read."""

    def stalled(self, _port: None) -> AbstractContextManager[None]:
        """What comes out waits anyhow."""
        return nullcontext()

    def sent(self) -> bool:
        """All is taken in at once."""
        return True


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
    history = explored(Comparer, rounds=2)
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


def test_a_colo_compare_comes_anew_on_another_qemu(compare_anew: Callable[[], Compare]) -> None:
    """Where the first one has died of a script, the next script is played all the same."""
    compare_anew().bench.qemu.process.kill()
    stage = OnBench(compare_anew())
    stage.primary(Flow().udp(b"alike"))
    stage.secondary(Flow().udp(b"alike"))
    stage.settle()
    assert stage.released() == [Flow().udp(b"alike")]


def test_what_cannot_be_played_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A comparer that hangs ends the exploration with its own error, and with the script of which it hung."""

    class Hanging(Comparer):
        def settle(self) -> None:
            """Never return, as far as a deadline can tell."""
            raise WaitTimeout("waited 5 s")

    with pytest.raises(WaitTimeout, match="waited 5 s"):
        explored(Hanging, rounds=1)
    assert "found again by --seed=1" in capsys.readouterr().out


def test_what_is_left_out_is_what_a_finding_is_about() -> None:
    """Each rule is called as the page of its finding."""
    names = set(re.findall(r'"(\d{4}-[a-z-]+)"', Path(known.__file__).read_text(encoding="utf-8")))
    pages = {page.stem for page in (Path(__file__).parents[2] / "docs/findings").glob("*.md")}
    assert len(names) >= 7
    assert names <= pages


@pytest.mark.parametrize(
    "show",
    [
        test_compare_found.test_acknowledgements_wrap,
        test_compare_found.test_the_highest_acknowledgement_counts,
        partial(test_compare_found.test_datagrams_that_are_alike_stay_in_order, make=Flow.udp),
        test_compare_found.test_a_checkpoint_brings_datagrams_out_in_order,
        test_compare_found.test_what_nobody_read_comes_out_in_order,
        test_compare_found.test_what_a_checkpoint_brought_out_is_done_with,
        test_compare_found.test_a_retransmission_before_number_zero_is_one,
    ],
)
def test_a_finding_is_gone_from_a_sound_comparer(show: Callable[..., None]) -> None:
    """What shows it fails because of QEMU, and passes where that is mended."""
    history = History()
    show(OnItsOwn(history), partial(check, history))


def test_a_seed_finds_it_again() -> None:
    """The same seed plays the same scripts: the same one fails, and is shrunk to the same."""
    first, second = (explored(BROKEN["doubler"], seed=7, rounds=9) for _ in range(2))
    assert script_of(first) == script_of(second) != []
