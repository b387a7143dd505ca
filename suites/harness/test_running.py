"""The registry of running pairs: who may have which name, and what is left of whom."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from colo_harness.colo.running import Running, claim, find, registry
from colo_harness.errors import MachineError, UsageError

NOBODY = 65534


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The runtime folder of a user with no pair, with as short a path as sockets want."""
    with TemporaryDirectory(prefix="colo-") as name:
        monkeypatch.setenv("XDG_RUNTIME_DIR", name)
        yield Path(name)


@contextmanager
def kept(name: str | None = None) -> Iterator[Running]:
    """Claim a name and listen, as a keeper does."""
    with registry() as place:
        pair = claim(name, place)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(pair.door))
        door.listen()
        yield pair


def test_the_registry_is_the_users_own(place: Path) -> None:
    """Nobody else may look into it."""
    with kept() as pair:
        assert pair.folder.parent.parent == place
        assert [path.stat().st_mode & 0o777 for path in (pair.folder.parent, pair.folder)] == [0o700, 0o700]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_strangers_runtime_folder_is_not_used(place: Path) -> None:
    """As root finds it after sudo."""
    os.chown(place, NOBODY, NOBODY)
    with registry() as mine:
        assert place not in mine.parents
    for fallback in Path(tempfile.gettempdir()).glob("runtime-*"):  # where there is no /run/user
        shutil.rmtree(fallback)
    assert list(place.iterdir()) == []


def test_names_are_given_in_turn() -> None:
    """To whoever brings none."""
    with kept() as first, kept() as second, kept("mine") as third:
        assert [pair.name for pair in (first, second, third)] == ["pair", "pair2", "mine"]
    with kept() as next_one:
        assert next_one.name == "pair"


def test_a_name_is_for_one_pair_at_a_time() -> None:
    """The second gets an error that names the way out."""
    with kept("mine"), pytest.raises(UsageError, match=r"'mine' is running\n.*down --name mine"), registry() as mine:
        claim("mine", mine)


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "x" * 33])
def test_names_are_plain_words(name: str) -> None:
    """A name becomes a folder and a part of a socket's path."""
    with pytest.raises(UsageError, match="no name for a pair"), registry() as mine:
        claim(name, mine)


def test_a_path_too_long_for_a_socket_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, not as QEMU's complaint."""
    deep = tmp_path / ("x" * 90)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(MachineError, match=r"too long .*\n.*XDG_RUNTIME_DIR"), registry() as mine:
        claim(None, mine)


def test_without_a_name_the_only_pair_is_meant() -> None:
    """With none, or several, the error says so."""
    with pytest.raises(UsageError, match=r"no pair is running\n.*colo pair up"):
        find(None)
    with kept("one") as one:
        assert find(None) == one
        with kept("two") as two:
            assert find("two") == two
            with pytest.raises(UsageError, match=r"2 pairs are running: one, two\n.*--name"):
                find(None)
            with pytest.raises(UsageError, match=r"no pair 'three' is running\n.*one, two"):
                find("three")


def test_what_a_power_cut_left_is_removed() -> None:
    """A folder in which nobody listens is nobody's."""
    with kept("dead") as dead:
        pass
    assert dead.folder.exists()
    with pytest.raises(UsageError, match="no pair is running"):
        find(None)
    assert not dead.folder.exists()


def test_a_keeper_that_ends_amid_a_question_is_an_error() -> None:
    """Not a traceback."""
    with registry() as mine:
        pair = claim("mine", mine)
    with pytest.raises(MachineError, match=r"keeper of 'mine' has ended\n.*colo pair up"):
        pair.ask("status")
