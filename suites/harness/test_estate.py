"""An estate: what a process starts and makes is its own, and goes with it."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine import mark
from colo_harness.machine.estate import Estate
from colo_harness.machine.holding import LOCK, is_abandoned
from colo_harness.wait import wait_until

LIMIT = 30.0
OWNER = """
import signal, subprocess
from colo_harness.machine.estate import Estate
estate = Estate()
subprocess.run(["sh", "-c", "setsid sh -c 'sleep 600 & sleep 600' &"])
print(estate.folder, flush=True)
signal.pause()
"""


@pytest.fixture
def owner() -> Iterator["Popen[str]"]:
    """A process with an estate and programs of which no guardian was told."""
    with Popen([sys.executable, "-c", OWNER], stdout=PIPE, text=True) as owner:
        yield owner
        owner.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=lambda end: end.name)
def test_what_bears_its_mark_goes_with_its_owner(owner: "Popen[str]", end: signal.Signals) -> None:
    """Also what nobody registered and has left its session; and the folder, and the guardian."""
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    wait_until("the programs", lambda: len(mark.bearers(folder)) >= 2, timeout=LIMIT)
    owner.send_signal(end)
    wait_until("all to go", lambda: not mark.bearers(folder, mark.RUN, mark.GUARDIAN), timeout=LIMIT)
    assert not folder.exists()


def test_it_is_where_temporary_files_go() -> None:
    """Of this process and of its children; afterwards all is as before."""
    before = (tempfile.gettempdir(), os.environ.get("TMPDIR"), mark.chain())
    with Estate() as estate, Estate() as inner:
        made = Path(subprocess.check_output(["mktemp"], text=True).strip())
        assert made.parent == inner.folder == Path(tempfile.gettempdir())
        assert inner.folder.parent == estate.folder
        assert mark.chain()[-2:] == (str(estate.folder), str(inner.folder))
        assert not is_abandoned(inner.folder)
        assert estate.folder.stat().st_mode & 0o777 == 0o700
        assert (estate.folder / LOCK).exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR"), mark.chain()) == before
    assert not estate.folder.exists()


def test_inner_guardians_are_not_killed_by_outer_ones(tmp_path: Path) -> None:
    """Who alone know of folders elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    script = (
        "import signal, sys; from pathlib import Path; from colo_harness.machine.estate import Estate\n"
        "elsewhere = Path(sys.argv[1]); elsewhere.mkdir(); inner = Estate()\n"
        "inner.guardian.add_folder(elsewhere); print(flush=True); signal.pause()"
    )
    with Estate():
        inner = Popen([sys.executable, "-c", script, elsewhere], stdout=PIPE)
        assert inner.stdout is not None
        with inner.stdout as said:
            said.readline()
        assert elsewhere.exists()
    assert inner.wait(LIMIT) == -signal.SIGKILL
    wait_until("the inner guardian to remove it", lambda: not elsewhere.exists(), timeout=LIMIT)


def test_no_place_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way out; and nothing has changed."""
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "nowhere"))
    before = mark.chain()
    with pytest.raises(MachineError, match=r"no place for temporary files.*\n.*TMPDIR"):
        Estate()
    assert mark.chain() == before
