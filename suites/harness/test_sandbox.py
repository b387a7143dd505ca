"""Each QEMU runs in the strongest sandbox that it takes, which is looked at and not believed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.errors import CommandError, LaunchFailure, MachineError
from colo_harness.history import History
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, contract, guest, sandbox
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.bare import BareQemu
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM
from colo_harness.qemu.warm import await_boot

SPAWN = {"uri": "exec:cat > /dev/null"}
REFUSING = """#!/bin/sh
case "$*" in *{word}*) echo '{word}: refused' >&2; exit 1;; esac
exec "$@"
"""
IGNORING = """#!/bin/bash
for option; do shift; [ "$option" = -sandbox ] && drop=yes || {{ [ "$drop" ] && drop= || set -- "$@" "$option"; }}; done
exec "$@"
"""
Start = Callable[..., BareQemu]
Wrapped = Callable[..., list[str]]
Ticking = Callable[[list[str]], AbstractContextManager[VM]]


@pytest.fixture
def plain(lab: Lab) -> list[str]:
    """Return what starts the QEMU under test without its sandbox."""
    return list(lab.qemu)[: len(lab.qemu) - len(lab.contract.sandboxing)]


@pytest.fixture
def start(lab: Lab, tmp_path: Path) -> Start:
    """Start a QEMU without a machine."""
    names = (f"it-{number}" for number in count())

    def started(command: list[str], form: str = "") -> BareQemu:
        around = {"loop": lab.around.loop, "guardian": lab.around.guardian, "timeouts": lab.around.timeouts}
        options = [sandbox.FLAG, form] if form else []
        return BareQemu(command, tmp_path, name=next(names), options=options, **around)  # type: ignore[arg-type]  # three types

    return started


@pytest.fixture
def wrapped(plain: list[str], tmp_path: Path) -> Wrapped:
    """Return what starts QEMU through a script."""

    def wrap(script: str, word: str = "") -> list[str]:
        wrapper = tmp_path / "wrapper"
        wrapper.write_text(script.format(word=word))
        wrapper.chmod(0o755)
        return [str(wrapper), *plain]

    return wrap


@pytest.fixture
def ticking(lab: Lab, tmp_path: Path) -> Ticking:
    """Start a QEMU with the tick guest."""

    @contextmanager
    def ticks(command: list[str]) -> Iterator[VM]:
        files, topology = Files(tmp_path / "test" / "host_a"), Topology(guest="tick", accel="tcg")
        files.folder.mkdir(parents=True)
        disk = Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(lab.settings)}")
        graph = argv.machine(topology, files, host="host_a", boot=None).joined([disk])
        with (
            History() as history,
            VM("host_a", [*command, *graph], files, site=Here(), history=history, around=lab.around) as vm,
        ):
            await_boot(vm, history, topology, timeout=60)
            yield vm

    return ticks


@pytest.mark.needs("sandbox")
def test_the_whole_of_it_is_on(lab: Lab, start: Start, plain: list[str]) -> None:
    """The reference takes each option of it; the kernel says that it filters, and that one without does not."""
    assert lab.contract.sandbox == sandbox.FORMS[0]
    with start(list(lab.qemu)) as shut, start(plain) as open_one:
        assert sandbox.is_filtered(shut.process.pid)
        assert not sandbox.is_filtered(open_one.process.pid)


@pytest.mark.needs("sandbox")
def test_a_guest_runs_in_it(lab: Lab, ticking: Ticking) -> None:
    """A QEMU with a guest, whose processors are threads of it, is filtered."""
    with ticking(list(lab.qemu)) as vm:
        assert sandbox.is_filtered(vm.pid)


@pytest.mark.needs("sandbox")
def test_it_starts_no_program(lab: Lab, start: Start, plain: list[str]) -> None:
    """A QEMU that is to start a shell cannot in its sandbox; outside it can."""
    with start(plain) as qemu:
        qemu.execute("migrate", SPAWN)
    with start(list(lab.qemu)) as qemu, pytest.raises(CommandError, match="Failed to fork"):
        qemu.execute("migrate", SPAWN)


def test_one_that_its_sandbox_kills(start: Start, wrapped: Wrapped) -> None:
    """Its error says what it died of."""
    with pytest.raises(LaunchFailure, match="exit status -31: -sandbox forbids what it did"):
        start(wrapped("#!/bin/sh\nkill -SYS $$\n"), "on")


@pytest.mark.needs("sandbox")
@pytest.mark.parametrize("word", ["resourcecontrol", "spawn", "elevateprivileges", "-sandbox"])
def test_the_strongest_that_it_takes(start: Start, wrapped: Wrapped, word: str) -> None:
    """What a QEMU refuses is left out, and no more; without all of it, it still runs."""
    command = wrapped(REFUSING, word)
    found = sandbox.strongest(lambda form: start(command, form))
    forms = [*sandbox.FORMS, ""]
    assert found == next(form for form in forms if word not in f"-sandbox {form}" or not form)
    with start(command, found) as qemu:
        assert qemu.execute("query-version")


@pytest.mark.needs("sandbox")
def test_a_wrapper_that_drops_it_is_noticed(lab: Lab, start: Start, wrapped: Wrapped) -> None:
    """It is asked for in vain by the probe, and is an error where it was there when the run began."""
    command = wrapped(IGNORING)
    assert not sandbox.strongest(lambda form: start(command, form))
    with pytest.raises(MachineError, match="filters no system calls"):
        start(command, lab.contract.sandbox)


@pytest.mark.needs("sandbox")
def test_a_guest_outside_is_noticed(lab: Lab, wrapped: Wrapped, ticking: Ticking) -> None:
    """A QEMU with a guest is looked at as well."""
    command = [*wrapped(IGNORING), *lab.contract.sandboxing]
    with pytest.raises(MachineError, match="filters no system calls"), ticking(command):
        pytest.fail("it was not looked at")


def test_a_qemu_that_was_built_without(start: Start, lab: Lab, wrapped: Wrapped, tmp_path: Path) -> None:
    """Its contract has no sandbox, and it is asked all the rest as before."""
    around = lab.around
    found = contract.probe(
        wrapped(REFUSING, "-sandbox"), tmp_path, loop=around.loop, guardian=around.guardian, timeouts=around.timeouts
    )
    assert (found.sandbox, found.sandboxing) == ("", [])
    assert found.version == lab.contract.version
    with pytest.raises(LaunchFailure):
        start(wrapped(REFUSING, "-sandbox"), "on")
