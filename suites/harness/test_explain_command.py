"""`colo explain`: any guest is run as a pair, and what its checkpoints came from is told."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from colo_harness.qemu import guest
from colo_harness.settings import Settings

COLO = Path(sys.executable).with_name("colo")
LIMIT = 180.0
"""Seconds of a command on the busiest machine."""
CALLER = """
import contextlib
import socket
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.settimeout(1)
while True:
    line.sendto(b"hello", ("10.77.0.10", 7))
    with contextlib.suppress(TimeoutError):
        line.recv(100)
"""
"""A client of anybody's echo service."""


def explain(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    """Run `colo explain` to its end."""
    argv = [str(COLO), "explain", "--accel", "tcg", "--cache-dir", str(settings.cache_dir), *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment)


def explained(settings: Settings, into: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Run `colo explain`, which must succeed; return what it wrote for programs and for people."""
    done = explain(settings, "--json", str(into), *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(into.read_text(encoding="utf-8")), done.stdout


def test_answers_that_differ_are_named(settings: Settings, tmp_path: Path) -> None:
    """By service and byte, one beside the sound ones."""
    told, shown = explained(settings, tmp_path / "it.json", "--drive", "udp,differ-udp", "--for", "2")
    named = [cause for cause in told["checkpoints"] if (cause["primary"], cause["secondary"]) == (ord("A"), ord("B"))]
    assert told["suits"] == "badly"
    assert len(named) >= 3
    assert {(cause["reason"], cause["flow"]["guest_port"]) for cause in named} == {("payload", 9004)}
    assert all(0 <= cause["offset"] < 512 for cause in named)
    assert re.search(r"^ +\d+ +payload +udp 10\.77\.0\.10:9004", shown, re.MULTILINE)
    assert "This workload suits COLO badly: it forced a checkpoint every" in shown


def test_answers_that_are_alike_force_nothing(settings: Settings, tmp_path: Path) -> None:
    """And each goes out without a checkpoint."""
    told, shown = explained(settings, tmp_path / "it.json", "--drive", "udp,ping", "--for", "2")
    assert told["checkpoints"] == []
    assert told["frames"]["passed"] > 20
    assert told["frames"]["passed"] == told["frames"]["out"]
    assert "This workload suits COLO well: it forced no checkpoint." in shown


def test_a_guest_of_ones_own_is_run(settings: Settings, tmp_path: Path) -> None:
    """A kernel with an initrd, and whatever clients it has."""
    image = guest.linux(settings)
    caller = tmp_path / "caller.py"
    caller.write_text(CALLER, encoding="utf-8")
    arguments = ("--guest", str(image.kernel), "--initrd", str(image.initrd), "--append", guest.CMDLINE)
    running = ("--memory", "128", "--boot", "12", "--for", "2", "--client", f"{sys.executable} {caller}")
    told, _ = explained(settings, tmp_path / "it.json", *arguments, *running)
    assert told["frames"]["passed"] > 20
    assert told["suits"] == "well"


def test_a_disk_of_ones_own_is_run(settings: Settings, tmp_path: Path) -> None:
    """It is copied; a guest that says nothing to anybody leaves the verdict open."""
    image = guest.tick(settings)
    before = image.read_bytes()
    arguments = ("--guest", str(image), "--memory", "16", "--boot", "1", "--for", "1", "--delay", "300")
    told, shown = explained(settings, tmp_path / "it.json", *arguments)
    assert told["suits"] == "unknown"
    assert {cause["reason"] for cause in told["checkpoints"]} == {"due"}
    assert "the guest sent nothing" in shown
    assert image.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--guest", "nowhere.qcow2"], "--guest nowhere.qcow2 is no file"),
        (["--drive", "echo,dance"], "there is no session 'dance'"),
        (["--guest", "{file}", "--drive", "echo"], "these sessions need the services of our guest"),
        (["--json", "{folder}/no/where.json"], "No such file or directory"),
    ],
)
def test_what_cannot_be_run_is_told_at_once(
    settings: Settings, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """In a line and a remedy, with status 2."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(512))
    done = explain(settings, *(word.format(file=disk, folder=tmp_path) for word in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_pair_that_does_not_start_leaves_nothing_to_explain(settings: Settings, tmp_path: Path) -> None:
    """Status 2, and what QEMU did."""
    disk = tmp_path / "disk.img"
    disk.write_bytes(b"no image of any kind")
    done = explain(settings, "--guest", str(disk), "--memory", "16", "--boot", "0", "--for", "1", "--qemu", "/bin/true")
    assert done.returncode == 2
    assert "/bin/true is no QEMU that runs here" in done.stderr
