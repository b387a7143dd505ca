"""The command that attaches gdb."""

import re
import shlex
from pathlib import Path

import pytest

from colo_harness.machine.debugger import attaching
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process, run
from colo_harness.wait import wait_until

LOADER = next(Path("/lib64").glob("ld-linux-*.so.*"))
SOURCE = """
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%p\\n", (void *)main); fflush(stdout); return pause(); }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that says where its function `main` is, and waits."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.c").write_text(SOURCE)
    run(["gcc", "-o", folder / "program", folder / "program.c"], timeout=60)
    return folder / "program"


def test_an_ordinary_program_needs_its_number_only(program: Path, tmp_path: Path) -> None:
    """Gdb finds the rest."""
    with Guardian() as guardian, Process([program], name="program", log_dir=tmp_path, guardian=guardian) as process:
        wait_until("the program to run", lambda: process.stdout() or None, timeout=10)
        command = shlex.split(attaching(process.pid))
    assert command[:3] == ["gdb", "--pid", str(process.pid)]
    assert not any(word.startswith("add-symbol-file") for word in command)


def test_of_a_loaders_program_gdb_is_told_the_place(program: Path, tmp_path: Path) -> None:
    """The release's QEMU is started through its own loader, which gdb would take for the program."""
    argv = [str(LOADER), "--library-path", "/nowhere", str(program)]
    with Guardian() as guardian, Process(argv, name="program", log_dir=tmp_path, guardian=guardian) as process:
        wait_until("the program to run", lambda: process.stdout() or None, timeout=10)
        told = re.fullmatch(rf"add-symbol-file {program} -o (.*)", shlex.split(attaching(process.pid))[-1])
    symbols = run(["nm", program], timeout=10).splitlines()
    main = next(int(line.split()[0], 16) for line in symbols if line.endswith(" T main"))
    assert told is not None
    assert int(told[1], 16) + main == int(process.stdout(), 16)


def test_a_process_that_is_gone_has_no_debugger() -> None:
    """The number is above any process's."""
    with pytest.raises(FileNotFoundError):
        attaching((1 << 22) - 1)
