"""A guest's state goes into a file and comes back, whether QEMU knows files or not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab
from colo_harness.errors import GuestFailure, MonitorLost
from colo_harness.history import History
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, guest, warm
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.carrier import saving
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM
from colo_harness.wait import wait_until

LIMIT = 60.0
Ticking = Callable[..., AbstractContextManager[tuple[VM, History]]]
by_each_way = pytest.mark.parametrize("known", [True, False], ids=["file", "socket"])


@pytest.fixture
def ticking(lab: Lab, tmp_path: Path) -> Ticking:
    """Start a QEMU with the tick guest."""
    hosts = (tmp_path / f"host_a-{number}" for number in count(1))

    @contextmanager
    def started(*more: Part) -> Iterator[tuple[VM, History]]:
        files, topology = Files(next(hosts)), Topology(guest="tick", accel="tcg")
        files.folder.mkdir()
        disk = Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(lab.settings)}")
        graph = argv.machine(topology, files, host="host_a", boot=None).joined([disk, *more])
        with (
            History() as history,
            VM("host_a", [*lab.qemu, *graph], files, site=Here(), history=history, around=lab.around) as vm,
        ):
            yield vm, history

    return started


def saved(ticking: Ticking, state: Path, *, known: bool) -> int:
    """Save a guest that has come some way; return how far."""
    with ticking() as (vm, history):
        wait_until("the guest to go on", lambda: len(passes(history)) > 9, timeout=LIMIT)
        vm.execute("stop")
        with saving(vm, state, known=known) as uri:
            vm.execute("migrate", {"uri": uri})
            wait_until("it", lambda: vm.execute("query-migrate").get("status") == "completed", timeout=LIMIT)
        return passes(history)[-1]


def passes(history: History) -> list[int]:
    """Return what the guest has counted."""
    lines = [entry.what for entry in history if entry.kind == "console"]
    return [int(line, 16) for line in lines if len(line) == 8 and set(line) <= set("0123456789abcdef")]


@by_each_way
def test_a_guest_goes_on_where_it_was_saved(ticking: Ticking, lab: Lab, tmp_path: Path, *, known: bool) -> None:
    """In another QEMU; the file is whole when the context is left."""
    before = saved(ticking, tmp_path / "state", known=known)
    contract = replace(lab.contract, file_uri=known)
    with ticking(*warm.restoring()) as (vm, history):
        warm.restore(vm, tmp_path / "state", contract, timeout=LIMIT)
        vm.execute("cont")
        wait_until("the guest to go on", lambda: len(passes(history)) > 1, timeout=LIMIT)
    assert before < passes(history)[1] < 2 * before + 1_000_000


def test_a_state_that_is_cut_off_is_refused(ticking: Ticking, lab: Lab, tmp_path: Path) -> None:
    """By QEMU, which ends of it, and nothing waits for it."""
    saved(ticking, tmp_path / "state", known=False)
    content = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(content[: len(content) // 2])
    contract = replace(lab.contract, file_uri=False)
    with ticking(*warm.restoring()) as (vm, _), pytest.raises(MonitorLost, match="load of migration failed"):
        warm.restore(vm, tmp_path / "state", contract, timeout=LIMIT)


def test_one_who_never_comes_is_not_waited_for(ticking: Ticking, tmp_path: Path) -> None:
    """Where the QEMU was never told, what went wrong is told."""
    with ticking() as (vm, _), pytest.raises(GuestFailure, match="why"), saving(vm, tmp_path / "state", known=False):
        raise GuestFailure("why")
    assert not (tmp_path / "state").exists()
