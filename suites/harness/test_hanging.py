"""A QEMU that stops answering is told with all that helps, a core file included, where one is wanted."""

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from colo_harness.colo.lab import open_lab
from colo_harness.errors import MonitorLost
from colo_harness.history import History
from colo_harness.machine import core
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, guest, release
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM, Surroundings
from colo_harness.settings import Settings
from colo_harness.wait import wait_until
from fixtures.failures import spoken
from suites.harness.markdown import Page

PAGE = Page((Path(__file__).parents[2] / "docs/errors.md").read_text(encoding="utf-8"))
ET_CORE = b"\x04\x00"
"""The type of an ELF file that is a core file, at offset 16 (elf(5))."""

WRITTEN_HERE = pytest.mark.skipif(
    core.PATTERN.read_text(encoding="utf-8").startswith("|") or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0,
    reason="the kernel hands core files to a program (kernel.core_pattern), or may write none (ulimit -Hc)",
)

Start = Callable[..., AbstractContextManager[VM]]


@pytest.fixture
def started(settings: Settings, tmp_path: Path) -> Start:
    """Start the tick guest on the reference QEMU, behind a wrapper script."""
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\n"$@"\nexit $?\n')
    wrapper.chmod(0o755)

    @contextmanager
    def start(cores: Path | None = None) -> Iterator[VM]:
        files, topology = Files(tmp_path / "test" / "host_a"), Topology(guest="tick", accel="tcg")
        files.folder.mkdir(parents=True)
        disk = Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(settings)}")
        graph = argv.machine(topology, files, host="host_a", boot=None).joined([disk])
        command = [str(wrapper), *release.reference(settings).argv(), *graph]
        with Guardian() as guardian, Loop() as loop, History() as history:
            around = Surroundings(loop, guardian, settings.timeouts, cores)
            with VM("host_a", command, files, site=Here(), history=history, around=around) as vm:
                yield vm

    return start


@WRITTEN_HERE
def test_a_hang_is_told_as_the_page_shows(started: Start, tmp_path: Path) -> None:
    """Each thread's place, the last messages and a real core file; the remedy comes second."""
    with started(tmp_path / "cores") as vm:
        vm.execute("query-status")
        vm.freeze()
        with pytest.raises(MonitorLost) as lost:
            vm.execute("query-status", timeout=1)
    told = spoken(lost.value)
    shown = re.search(r"```text\n(.*?)\n```", PAGE.section("One that stops answering").text, re.DOTALL)
    assert shown
    lines = [".*".join(re.escape(part) for part in line.split("…")) for line in shown[1].splitlines()]
    assert re.search(r"\n(?:.*\n)*?".join(lines), told), told
    files = list((tmp_path / "cores").iterdir())
    assert len(files) == 1
    with files[0].open("rb") as file:
        assert file.read(18)[16:] == ET_CORE
    assert f"core file: {files[0]}" in told


def test_no_core_file_is_made_unasked(started: Start) -> None:
    """QEMU is left as it hangs."""
    with started() as vm:
        vm.freeze()
        with pytest.raises(MonitorLost, match=r"wchan .*, syscall ") as lost:
            vm.execute("query-status", timeout=1)
        assert "core file" not in str(lost.value)
        assert vm.alive


def test_a_run_is_asked_for_core_files_by_an_option(settings: Settings, tmp_path: Path) -> None:
    """They go into the results' folder."""
    asked = Settings(cache_dir=settings.cache_dir, results_dir=tmp_path, run_dir=tmp_path, core=True)
    with Guardian() as guardian, open_lab(asked, guardian) as lab:
        assert lab.around.cores == tmp_path / "cores"


@WRITTEN_HERE
def test_the_core_file_is_of_the_innermost_process(tmp_path: Path) -> None:
    """Not of the wrapper around it, which lives on."""
    with (
        Guardian() as guardian,
        Process(["sh", "-c", "sleep 1000; sleep 1000"], name="it", log_dir=tmp_path, guardian=guardian) as process,
    ):
        wait_until("the wrapper's child", lambda: len(process.group()) == 2, timeout=60)
        said = core.keep(process, tmp_path / "cores" / "it")
        assert process.alive
    assert said == f"core file: {tmp_path / 'cores' / 'it'}"
    assert b"sleep" in (tmp_path / "cores" / "it").read_bytes()


@pytest.mark.parametrize(
    ("pattern", "uses_pid", "place"),
    [
        ("core", False, "/at/core"),
        ("core", True, "/at/core.7"),
        ("core.%p", True, "/at/core.7"),
        ("/var/cores/%e-%p-%t", False, "/var/cores/*-7-*"),
        ("100%%", False, "/at/100%"),
        ("|/usr/lib/collector %p", False, ""),
    ],
)
def test_the_kernels_pattern_is_understood(pattern: str, uses_pid: bool, place: str) -> None:  # noqa: FBT001 - a column
    """As core(5) has it; a program that takes core files keeps them for itself."""
    assert core.where(pattern, 7, Path("/at"), uses_pid=uses_pid) == place
