"""Saved guest states: a guest is booted once for each set-up and restored for each pair.

A state is valid for one QEMU build, accelerator, machine, set of devices, memory size and guest image; the
key of its folder in the cache digests them all.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from colo_harness.errors import NO_SPACE, CacheError, GuestFailure
from colo_harness.history import Entry, History
from colo_harness.machine.holding import scratch
from colo_harness.machine.manifest import sha256
from colo_harness.machine.network import Network
from colo_harness.machine.site import Here
from colo_harness.qemu import argv
from colo_harness.qemu.argv import Boot, Files, Part
from colo_harness.qemu.carrier import load, saving
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.disk import ImageTool
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM, Surroundings
from colo_harness.wait import pause, wait_until

DISK = "disk.qcow2"
"""The guest's disk, beside the state that it goes with; `Files` calls it so, too."""
ROOM = "make room there and let it be written, or name another place with --cache-dir"
TICKS = 3
"""So many generations a tick guest prints before it counts as running: until then it is a BIOS."""


@dataclass(frozen=True)
class Guest:
    """A guest that can be started: how it boots, what its disk holds at first, and a digest of both."""

    boot: Boot | None
    disk: Path
    digest: str
    writes: bool = False
    """It writes to its disk while it boots: the disk as it was then goes with its saved state."""


def is_ready(topology: Topology) -> Callable[[Sequence[Entry]], bool]:
    """Return a predicate over one guest's console entries: it has booted."""
    if topology.guest in ("linux", "applications"):
        return lambda lines: any(line.what == "GUEST-READY" for line in lines)
    return lambda lines: len(lines) >= TICKS


def await_boot(vm: VM, history: History, topology: Topology, *, timeout: float) -> None:
    """Return once the guest in `vm` runs its own software, or a foreign one has had its time. Raises GuestFailure."""
    if topology.image:
        pause(topology.image.boot_s)
        return
    ready = is_ready(topology)

    def console() -> list[Entry]:
        return [entry for entry in history if entry.kind == "console" and entry.who == vm.name]

    def booted() -> bool:
        if not vm.alive:
            raise GuestFailure(f"QEMU ended while the guest booted\n{vm.why_lost()}")
        return ready(console())

    wait_until(
        f"the {topology.guest} guest to boot",
        booted,
        timeout=timeout,
        seen=lambda: "; ".join(entry.what for entry in console()[-5:]) or "a silent console",
    )


@dataclass(frozen=True)
class States:
    """The saved guest states in `folder`, made with the QEMU that `qemu` starts."""

    folder: Path
    qemu: Sequence[str]
    contract: Contract
    images: ImageTool
    around: Surroundings
    _verified: set[str] = field(default_factory=set)
    """Keys of those that this process has looked at."""

    def path(self, topology: Topology, guest: Guest) -> Path:
        """Return the saved state of `guest`, booting it first where the cache has none, or a damaged one.

        Raises CacheError, ProductFailure.
        """
        key = self._key(topology, guest)
        place = self.folder / key
        if key in self._verified or _is_whole(place):
            self._verified.add(key)
            return place / "state.bin"
        try:
            self._save(topology, guest, place)
        except OSError as refusal:
            why = refusal.strerror or str(refusal)
            raise CacheError(f"no guest's state can be saved in {self.folder}: {why}", ROOM) from refusal
        self._verified.add(key)
        return place / "state.bin"

    def disk(self, topology: Topology, guest: Guest) -> Path:
        """Return the disk that goes with the saved state of `guest`. Raises as `path`."""
        return self.path(topology, guest).with_name(DISK) if guest.writes else guest.disk

    def _save(self, topology: Topology, guest: Guest, place: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{place.name}.lock"):
            if _is_whole(place):
                return
            with scratch("new-", self.folder) as folder:
                self.around.guardian.add_folder(folder)
                self._boot_and_save(topology, guest, folder)
                (folder / "keep").mkdir()
                for name in ("state.bin", *([DISK] if guest.writes else ())):
                    (folder / name).rename(folder / "keep" / name)
                (folder / "keep" / "sha256").write_text(_sums(folder / "keep"), encoding="ascii")
                if place.exists():
                    place.rename(folder / "damaged")
                (folder / "keep").rename(place)
                self.around.guardian.drop_folder(folder)

    def _key(self, topology: Topology, guest: Guest) -> str:
        plain = _plain(topology)
        shape = argv.machine(plain, Files(Path()), host="host_a", boot=None)
        parts = [*shape, *(part.value for part in argv.alone(plain, Files(Path())))]
        cmdline = guest.boot.cmdline if guest.boot else ""
        whole = json.dumps([self.contract.build, self.contract.version, parts, cmdline, guest.digest])
        return hashlib.sha256(whole.encode()).hexdigest()[:24]

    def _boot_and_save(self, topology: Topology, guest: Guest, folder: Path) -> None:
        files = Files(folder)
        plain = _plain(topology)
        for image, _, _ in files.images(plain.disks):
            shutil.copyfile(guest.disk, image)
        shared = argv.machine(plain, files, host="host_a", boot=guest.boot)
        graph = shared.joined(argv.alone(plain, files))
        timeouts = self.around.timeouts
        with Network(plain.nics) as network, History() as history:
            vm = VM(
                "host_a",
                [*self.qemu, *graph],
                files,
                site=Here(network.host_a),
                history=history,
                around=self.around,
            )
            with vm:
                await_boot(vm, history, plain, timeout=timeouts.boot)
                vm.execute("stop")
                with saving(vm, folder / "state.bin", known=self.contract.file_uri) as uri:
                    vm.execute("migrate", {"uri": uri})
                    wait_until(
                        "the guest's state to be saved",
                        lambda: _is_saved(vm.execute("query-migrate"), self.folder),
                        timeout=timeouts.boot,
                        seen=lambda: vm.execute("query-migrate"),
                    )


def restoring() -> list[Part]:
    """Return what a QEMU needs on its command line to take a saved state."""
    return [Part("-incoming", "defer")]


def restore(vm: VM, state: Path, contract: Contract, *, timeout: float) -> None:
    """Load `state` into a VM that was started with `restoring`; it stays paused. Raises ProductFailure.

    Its disks are activated, which QEMU leaves to `cont` where the saved guest was paused: the one that starts
    COLO does not do it, and the guest's first write would find them inactive (migration/block-active.c).
    """
    load(vm, state, known=contract.file_uri, timeout=timeout)

    def loaded() -> bool:
        status = vm.execute("query-migrate").get("status")
        if status == "failed":
            raise GuestFailure(f"QEMU cannot load the guest state that it saved itself\n{vm.why_lost()}")
        return bool(status == "completed")

    wait_until("the saved guest state to load", loaded, timeout=timeout)
    if contract.set_active:
        vm.execute("blockdev-set-active", {"active": True})


def _is_whole(place: Path) -> bool:
    try:
        return _sums(place) == (place / "sha256").read_text(encoding="ascii")
    except (OSError, ValueError):
        return False


def _sums(place: Path) -> str:
    """Return the digest of the state, and behind it that of the disk where one goes with it."""
    disks = [disk] if (disk := place / DISK).exists() else []
    return "".join(map(sha256, (place / "state.bin", *disks)))


def _is_saved(migration: Mapping[str, Any], folder: Path) -> bool:
    """Say whether QEMU has written the state. Raises CacheError where there is no room for it, GuestFailure."""
    if migration.get("status") != "failed":
        return migration.get("status") == "completed"
    if NO_SPACE in (why := migration.get("error-desc", "no reason given")):
        raise CacheError(f"no guest's state can be saved in {folder}: {why}", ROOM)
    raise GuestFailure(f"QEMU cannot save its guest's state: {why}")


def _plain(topology: Topology) -> Topology:
    """Return the topology with only those fields kept that a saved state depends on."""
    return Topology(
        guest=topology.guest,
        accel=topology.accel,
        fresh=topology.fresh,
        machine=topology.machine,
        cpus=topology.cpus,
        nic=topology.nic,
        bus=topology.bus,
        usb=topology.usb,
        offloads=topology.offloads,
        disks=topology.disks,
        nics=topology.nics,
        pvpanic=topology.pvpanic,
        memory=topology.memory,
    )
