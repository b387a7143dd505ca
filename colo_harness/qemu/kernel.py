"""The guest's kernel: Debian's generic Linux, its modules and a static busybox, as packaged."""

from dataclasses import dataclass
from pathlib import Path

from colo_harness.machine.bundle import Recipe, bundle
from colo_harness.machine.progress import Progress, quiet
from colo_harness.settings import Settings

RECIPE = Recipe(
    folder="kernel/bookworm",
    suites=("bookworm",),
    packages=("busybox-static",),
    metapackages=("linux-image-amd64",),
    essential=("boot/vmlinuz-*", "lib/modules/*/kernel/drivers/net/virtio_net.ko", "bin/busybox"),
)
"""The generic kernel has modules for rtl8139 and e1000, which Debian's cloud kernel lacks."""


@dataclass(frozen=True)
class Kernel:
    """What a Linux guest is built from."""

    version: str
    """As `uname -r` says it, such as `6.1.0-50-amd64`."""
    image: Path
    """The compressed kernel that QEMU's `-kernel` takes."""
    modules: Path
    """The kernel's folder below lib/modules; without modules.dep, which depmod(8) would make."""
    busybox: Path
    """A static executable."""
    builtin: Path
    """modules.builtin: what needs no module file."""


def fetch_kernel(settings: Settings, progress: Progress = quiet, *, thorough: bool = False) -> Kernel:
    """Return the guest's kernel, fetched if the cache has it not, or not whole.

    `thorough` verifies every file's sha256.
    Raises CacheError, MachineError.
    """
    root = bundle(settings.cache_dir, RECIPE, progress, thorough=thorough).root
    image = max(root.glob("boot/vmlinuz-*"))
    version = image.name.removeprefix("vmlinuz-")
    modules = root / "lib/modules" / version
    return Kernel(version, image, modules, root / "bin/busybox", modules / "modules.builtin")
