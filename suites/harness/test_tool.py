"""Host tools are found, installed when missing, and their absence is explained."""

import os
from pathlib import Path

import pytest

from colo_harness.errors import MachineError
from colo_harness.machine.tool import PACKAGES, ensure, missing

NOT_FOUND_UNTIL_UPDATED = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$*" in
*update*) > {folder}/updated ;;
*) test -e {folder}/updated || exit 100; > {folder}/ip; chmod +x {folder}/ip ;;
esac
"""


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but env(1), and the rights of root."""
    (tmp_path / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_nothing_is_missing_after_setup() -> None:
    """`make test` has run `colo setup`, which installs every tool."""
    assert missing() == []


def test_each_missing_command_is_named(bare_path: Path) -> None:
    """What is on no PATH is missing; what is there is not."""
    (bare_path / "tcpdump").touch(mode=0o755)
    assert set(missing(["ip", "tcpdump"])) == {"ip"}


def test_without_root_the_remedy_is_a_command(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but root can install: the error says what to run."""
    (bare_path / "apt-get").touch(mode=0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match=r"apt-get update && apt-get install .*iproute2 tcpdump"):
        ensure(["ip", "tcpdump"])


def test_apts_lists_are_updated_once_when_the_package_is_unknown(bare_path: Path) -> None:
    """A fresh machine's apt knows no package until `apt-get update`."""
    apt_get = bare_path / "apt-get"
    apt_get.write_text(NOT_FOUND_UNTIL_UPDATED.format(folder=bare_path).replace("chmod", "/bin/chmod"))
    apt_get.chmod(0o755)
    said: list[str] = []
    ensure(["ip"], said.append)
    calls = (bare_path / "calls").read_text().splitlines()
    assert [("update" in call, "iproute2" in call) for call in calls] == [
        (False, True),
        (True, False),
        (False, True),
    ]
    assert said[0] == "installing iproute2"


def test_an_install_that_fails_is_the_machines_fault(bare_path: Path) -> None:
    """Apt's own words and the command to run by hand are in the error."""
    apt_get = bare_path / "apt-get"
    apt_get.write_text("#!/bin/sh\necho 'E: no space left' >&2\nexit 100\n")
    apt_get.chmod(0o755)
    with pytest.raises(MachineError, match=r"(?s)no space left.*run as root: apt-get"):
        ensure(["ip"])


def test_patterns_are_absolute_and_commands_are_bare() -> None:
    """The table has no third kind of entry."""
    assert all(tool.startswith("/usr/") or "/" not in tool for tool in PACKAGES)
