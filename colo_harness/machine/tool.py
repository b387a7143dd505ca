"""The host's tools: which Debian package has each, and installing those that are missing."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from colo_harness.errors import MachineError
from colo_harness.machine import mark
from colo_harness.machine.process import run
from colo_harness.machine.progress import Progress, quiet

PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "apt-get": "apt",
        "apt-cache": "apt",
        "dpkg-deb": "dpkg",
        "gpgv": "gpgv",
        "/usr/share/keyrings/debian-archive-keyring.*": "debian-archive-keyring",
        "ip": "iproute2",
        "tcpdump": "tcpdump",
        "gcc": "gcc",
        "as": "binutils",
        "ld": "binutils",
        "objcopy": "binutils",
        "/usr/lib/*-linux-gnu/libc.a": "libc6-dev",
    }
)
"""A command, or a glob pattern of files, to the Debian package that has it."""
SSH: Mapping[str, str] = MappingProxyType({"ssh": "openssh-client", "/usr/sbin/sshd": "openssh-server"})
"""What the harness's own tests log in with and to,"""
BROWSER: Mapping[str, str] = MappingProxyType({"chromium": "chromium"})
"""and look at pages with: 224 MB with all that it depends on, and 813 MB on disk."""

INSTALL_TIMEOUT = 900.0
UPDATE = ("apt-get", "update")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends")
PATIENT = ("--quiet=2", "--option=DPkg::Lock::Timeout=120", "--option=Acquire::Retries=2")


def missing(tools: Iterable[str] = PACKAGES) -> list[str]:
    """Return those of `tools`, names of PACKAGES, that this machine has not."""
    return [tool for tool in tools if not _present(tool)]


def check(tools: Iterable[str] = PACKAGES) -> str:
    """Say how many `tools`, names of PACKAGES, are there. Raises MachineError with the command that helps."""
    names = list(tools)
    if wanted := missing(names):
        raise MachineError(f"this machine lacks {', '.join(wanted)}", _remedy(wanted))
    return f"all {len(names)} are there"


def ensure(tools: Iterable[str] = PACKAGES, progress: Progress = quiet) -> None:
    """Install what is missing of `tools`, names of PACKAGES.

    Raises MachineError, with the command that helps, where we are not root or apt cannot install it.
    """
    wanted = missing(tools)
    if not wanted:
        return
    packages = _packages(wanted)
    if os.geteuid() != 0 or not _present("apt-get"):
        check(wanted)
    remedy = _remedy(wanted)
    progress(f"installing {', '.join(packages)}")
    try:
        _apt(*INSTALL, *packages)
    except MachineError:
        progress("apt's lists are absent or old: apt-get update")
        try:
            _apt(*UPDATE)
            _apt(*INSTALL, *packages)
        except MachineError as error:
            raise MachineError(error.problem, remedy) from error
    absent = missing(wanted)
    if absent:
        raise MachineError(f"{', '.join(packages)}: installed, yet {', '.join(absent)} is missing", remedy)


def _packages(tools: Iterable[str]) -> list[str]:
    return sorted({{**PACKAGES, **SSH, **BROWSER}.get(tool, tool) for tool in tools})


def _remedy(tools: Iterable[str]) -> str:
    return f"run as root: {' '.join(UPDATE)} && {' '.join([*INSTALL, *_packages(tools)])}"


def _present(tool: str) -> bool:
    """Find a command on PATH, or a file by its pattern."""
    if tool.startswith("/"):
        return any(Path("/").glob(tool.removeprefix("/")))
    return shutil.which(tool) is not None


def _apt(tool: str, command: str, *arguments: str) -> None:
    # no guardian may end it halfway: the machine's packages would be left in pieces
    environment = ["env", f"--unset={mark.RUN}", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"]
    run([*environment, tool, *PATIENT, command, *arguments], timeout=INSTALL_TIMEOUT)
