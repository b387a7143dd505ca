"""What every pair of a run has at hand: the QEMU under test, the guests, the cache, the loop."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from colo_harness.errors import OutOfReach, StartupFailed, UsageError
from colo_harness.machine.capture import Capture
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.network import Network
from colo_harness.qemu import applications, contract, guest, release
from colo_harness.qemu.argv import Boot
from colo_harness.qemu.contract import NEEDED_DRIVERS, NEEDED_OBJECTS, Contract
from colo_harness.qemu.disk import ImageTool
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import Image, Topology
from colo_harness.qemu.vm import Surroundings
from colo_harness.qemu.warm import Guest, States
from colo_harness.remote.capture import Outgoing
from colo_harness.remote.fleet import Fleet
from colo_harness.remote.network import RealNetwork
from colo_harness.remote.reach import why_not
from colo_harness.settings import Settings

MIB = 1 << 20
CORES = "cores"
"""Where core files go, below the results' folder."""
Findings = dict[str, Any]
"""A contract as JSON values."""


def _now(probe: Callable[[], Findings]) -> Findings:
    return probe()


@dataclass(frozen=True)
class Lab:
    """The frozen surroundings of all pairs of one run."""

    settings: Settings
    qemu: Sequence[str]
    """What starts the QEMU under test, in its sandbox, before its options."""
    contract: Contract
    around: Surroundings
    fleet: Fleet | None = None
    """The real hosts, where `settings.hosts` names some."""
    others: Mapping[str, "Lab"] = field(default_factory=dict)
    """The labs of hosts whose QEMU is another one."""

    def of(self, host: str) -> "Lab":
        """Return the lab that a host's QEMU comes from."""
        return self.others.get(host, self)

    def network(self, topology: Topology) -> Network:
        """Return the hosts of a pair, its client and what joins them. Raises MachineError, OutOfReach."""
        if self.fleet is None:
            return Network(topology.nics, heartbeat=topology.managed)
        if reason := why_not(topology):
            raise OutOfReach(reason)
        return RealNetwork(self.fleet)

    def capture(self, network: Network, path: Path) -> Capture:
        """Return what notes each frame on the service network until it is stopped. Raises MachineError."""
        kind = Outgoing if self.fleet else Capture
        return kind(network, path, guardian=self.around.guardian)

    def belongings(self, guest: Guest) -> list[Path]:
        """Return what a QEMU of this lab reads that lies in the cache: itself, and what its guest boots."""
        folder = self.settings.cache_dir / release.recipe(self.settings.release).folder
        return [
            *([] if self.settings.qemu else [folder]),
            *([one for one in (guest.boot.kernel, guest.boot.initrd) if one] if guest.boot else ()),
        ]

    @cached_property
    def images(self) -> ImageTool:
        """The reference release's qemu-img."""
        return ImageTool(release.reference(self.settings).argv("qemu-img"))

    @cached_property
    def states(self) -> States:
        """Saved guest states of the QEMU under test."""
        return States(self.settings.cache_dir / "states", self.qemu, self.contract, self.images, self.around)

    @cached_property
    def _tick(self) -> Path:
        return guest.tick(self.settings)

    @cached_property
    def _micro(self) -> Path:
        return guest.micro(self.settings)

    @cached_property
    def _linux(self) -> guest.LinuxImage:
        return guest.linux(self.settings)  # looks at each file of the cache: once a run is enough

    @cached_property
    def applications(self) -> applications.Applications:
        """The guest of the applications, built where the cache has none."""
        return applications.applications(self.settings)

    def guest(self, topology: Topology) -> Guest:
        """Return the guest that `topology` asks for, building it where the cache has none."""
        if topology.image:
            return self._foreign(topology.image)
        if topology.guest == "tick":
            image = self._tick
            return Guest(None, self._disk("tick", lambda path: self.images.create_from(path, image)), image.parent.name)
        if topology.guest == "micro":
            kernel = self._micro
            return Guest(Boot(kernel, None, "micro"), self._base(topology), kernel.parent.name)
        if topology.guest == "applications":
            made = self.applications
            disk = self._disk("applications", lambda path: self.images.create_from(path, made.disk))
            return Guest(Boot(made.kernel, made.initrd, guest.CMDLINE), disk, made.digest, writes=True)
        linux = self._linux
        cmdline = f"{guest.CMDLINE} colo.fresh=1" if topology.fresh else guest.CMDLINE
        return Guest(Boot(linux.kernel, linux.initrd, cmdline), self._base(topology), linux.digest)

    def _foreign(self, image: Image) -> Guest:
        boot = Boot(image.kernel, image.initrd, image.cmdline) if image.kernel else None
        taken = image.disk
        disk = self._disk("foreign", lambda path: self.images.take(path, taken)) if taken else self._base(Topology())
        return Guest(boot, disk, "")

    def _base(self, topology: Topology) -> Path:
        if size := topology.disk_mib * MIB:
            return self._disk(f"full-{topology.disk_mib}", lambda path: self.images.create_full(path, size))
        return self._disk("base", self.images.create_base)

    def empty_disk(self, topology: Topology) -> Path:
        """Return an empty image as large as the guest's disk, to copy for active and hidden disks."""
        if topology.image and topology.image.disk:
            like = self.guest(topology).disk
            return self._disk("foreign-empty", lambda path: self.images.create(path, self.images.size(like)))
        if size := topology.disk_mib * MIB:
            return self._disk(f"empty-{topology.disk_mib}", lambda path: self.images.create(path, size))
        return self._disk("empty", self.images.create)

    def _disk(self, name: str, make: Callable[[Path], Path]) -> Path:
        """Make the image once a run and return it; pairs copy it."""
        path = self.settings.run_dir / "disks" / f"{name}.qcow2"
        path.parent.mkdir(exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                fresh = path.with_suffix(".new")
                make(fresh)
                fresh.rename(path)
        return path

    def copy(self, image: Path, to: Path) -> None:
        """Give a QEMU an image of its own, in the format of its name."""
        if to.suffix == image.suffix:
            shutil.copyfile(image, to)
        else:
            self.images.copy(to, image)


@contextmanager
def open_lab(
    settings: Settings, guardian: Guardian, *, probing: Callable[[Callable[[], Findings]], Findings] = _now
) -> Iterator[Lab]:
    """Yield a lab in `settings.run_dir`; `probing` may remember what a probe of the QEMU under test found.

    Raises CacheError, ProductFailure, UsageError where it is no QEMU or was built without what COLO is made of.
    """
    qemu = release.under_test(settings)
    with Loop() as loop:
        around = Surroundings(
            loop, guardian, settings.timeouts, settings.results_dir / CORES if settings.core else None
        )
        found = Contract.of(probing(lambda: _probe(qemu, settings, around)))
        with Fleet(settings.hosts) if settings.hosts else nullcontext() as fleet:
            yield Lab(settings, [*qemu, *found.sandboxing], found, around, fleet)


def _probe(qemu: Sequence[str], settings: Settings, around: Surroundings) -> Findings:
    folder = settings.run_dir / "probe"
    folder.mkdir()
    found = contract.probe(qemu, folder, loop=around.loop, guardian=around.guardian, timeouts=around.timeouts)
    if parts := [name for name in found.lacks if name in (*NEEDED_OBJECTS, *NEEDED_DRIVERS)]:
        raise UsageError(f"this QEMU ({found.version}) has no {', '.join(parts)}", contract.UNBUILT)
    if found.lacks:
        raise StartupFailed(f"this QEMU ({found.version}) has no {', '.join(found.lacks)}")
    return found.as_json()
