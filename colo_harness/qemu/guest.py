"""The guests' images: built from the recipes in images/ once for each content, kept in the cache."""

import hashlib
import json
import lzma
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from colo_harness.errors import CacheError
from colo_harness.machine.holding import scratch
from colo_harness.machine.manifest import describe, wrong_file
from colo_harness.machine.process import run
from colo_harness.place import DATA
from colo_harness.qemu import cpio, modules
from colo_harness.qemu.kernel import Kernel, fetch_kernel
from colo_harness.qemu.lwip import Lwip, fetch_lwip
from colo_harness.settings import Settings

RECIPES = DATA / "images"
BUILDERS = (Path(__file__), Path(cpio.__file__), Path(modules.__file__))

CMDLINE = "console=ttyS0 quiet panic=-1 ipv6.disable=1 cryptomgr.notests"
"""A panic reboots, which `-no-reboot` turns into an end. Cryptography's self-tests take long under TCG."""

DRIVERS = (
    "virtio_pci",
    "virtio_net",
    "virtio_blk",
    "virtio_scsi",
    "8139cp",
    "8139too",
    "e1000",
    "ata_piix",
    "ahci",
    "sd_mod",
    "pvpanic_pci",
)
APPLETS = ("ip", "ln", "modprobe", "mount", "seq", "sh", "test", "usleep", "xargs")
"""What images/linux/init calls of busybox."""

BOOT_SECTOR = 512
DISK = 1 << 20
"""Bytes of the tick guest's disk."""
MANIFEST = "manifest.json"

COMPILE_TIMEOUT = 120.0
REMEDY = "install gcc, binutils and libc6-dev: `colo setup` does"


@dataclass(frozen=True)
class LinuxImage:
    """What QEMU's -kernel and -initrd take; `digest` is of both."""

    kernel: Path
    initrd: Path
    digest: str


def tick(settings: Settings, *, thorough: bool = False) -> Path:
    """Return the tick guest's raw disk; its folder's name is its content key. Raises CacheError, MachineError.

    `thorough` verifies its content, else its size and time are looked at.
    """
    inputs = map(Path.read_bytes, (RECIPES / "tick" / "tick.S", Path(__file__)))
    return built(settings, "tick", [version_of("as"), *inputs], _make_tick, thorough=thorough) / "tick.img"


def micro(settings: Settings, *, thorough: bool = False) -> Path:
    """Return the micro guest's multiboot kernel; its folder's name is its content key; `thorough` as of `tick`.

    What is missing of its parts is fetched. Raises CacheError, MachineError.
    """
    lwip = fetch_lwip(settings)
    recipe = sorted(path for path in (RECIPES / "micro").rglob("*") if path.is_file())
    inputs = map(Path.read_bytes, (*recipe, *lwip.sources, Path(__file__)))
    key = [version_of("gcc"), lwip.version.encode(), *inputs]
    return built(settings, "micro", key, lambda made: _make_micro(made, lwip), thorough=thorough) / "micro.elf"


def linux(settings: Settings, *, thorough: bool = False) -> LinuxImage:
    """Return the Linux guest, its kernel fetched and its initramfs built if need be; `thorough` as of `tick`.

    Raises CacheError, MachineError.
    """
    kernel = fetch_kernel(settings)
    recipe = sorted(path for path in (RECIPES / "linux").rglob("*") if path.is_file())
    inputs = [*recipe, *BUILDERS, kernel.image, kernel.busybox]
    names = [path.name.encode() for path in inputs]
    key = [version_of("gcc"), kernel.version.encode(), *names, *map(Path.read_bytes, inputs)]
    folder = built(settings, "linux", key, lambda made: _make_linux(made, kernel), thorough=thorough)
    return LinuxImage(folder / "kernel", folder / "initrd", (folder / "digest").read_text(encoding="ascii"))


def compile_services(to: Path) -> None:
    """Build the guest's services as one static program, which runs on the host too. Raises MachineError."""
    sources = sorted((RECIPES / "linux" / "services").glob("*.c"))
    warnings = ("-Wall", "-Wextra", "-Wshadow", "-Werror")
    reproducible = ("-Wl,--build-id=none", "-s")
    options = ("-std=gnu11", "-O2", "-static", *warnings, *reproducible)
    run(["gcc", *options, "-o", to, *sources], timeout=COMPILE_TIMEOUT, remedy=REMEDY)


def compile_micro(to: Path, lwip: Lwip) -> None:
    """Build the micro guest as one 32-bit multiboot kernel; it needs no libc. Raises MachineError."""
    folder = RECIPES / "micro"
    machine = ("-m32", "-march=i686", "-mno-sse", "-ffreestanding", "-fno-pic", "-fno-stack-protector")
    plain = ("-std=gnu11", "-O2", "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-nostdlib", "-static")
    headers = (f"-I{folder / 'port'}", f"-I{lwip.headers}")
    warnings = ("-Wall", "-Wextra", "-Wshadow", "-Werror")
    layout = (f"-Wl,--build-id=none,--gc-sections,--no-warn-rwx-segments,-T,{folder / 'link.ld'}", "-s")
    options = (*machine, *plain, *headers, *warnings, *layout)
    sources = (*sorted(folder.glob("*.c")), *lwip.sources)
    run(["gcc", *options, "-o", to, *sources], timeout=COMPILE_TIMEOUT, remedy=REMEDY)


def assemble_tick(to: Path) -> None:
    """Build the tick guest's boot sector and its disk. Raises CacheError, MachineError."""
    _assemble(RECIPES / "tick" / "tick.S", to)


def assemble_code(to: Path) -> None:
    """Build the disk of a guest that can be told to change its code. Raises CacheError, MachineError."""
    _assemble(RECIPES / "code" / "code.S", to)


def _assemble(source: Path, to: Path) -> None:
    compiled, sector = to.with_suffix(".o"), to.with_suffix(".sector")
    run(["as", "--32", "-o", compiled, source], timeout=COMPILE_TIMEOUT, remedy=REMEDY)
    layout = ("-m", "elf_i386", "--oformat", "binary", "-Ttext", "0x7c00")
    run(["ld", *layout, "-o", sector, compiled], timeout=COMPILE_TIMEOUT, remedy=REMEDY)
    code = sector.read_bytes()
    if len(code) != BOOT_SECTOR:
        raise CacheError(f"{source.name} makes {len(code)} bytes, not {BOOT_SECTOR}", f"make {source.name} fit")
    to.write_bytes(code.ljust(DISK, b"\0"))


def initramfs(
    kernel: Kernel, files: Mapping[str, cpio.Node], *, drivers: Iterable[str] = (), applets: Iterable[str] = ()
) -> bytes:
    """Return the archive that Linux starts from: init, busybox, the modules, and `files`. Raises CacheError.

    `drivers` and `applets` are what these files want besides what init does.
    """
    loaded = modules.closure(kernel.modules, (*DRIVERS, *drivers))
    library = f"lib/modules/{kernel.version}"
    nodes = {
        "init": cpio.file((RECIPES / "linux" / "init").read_bytes(), executable=True),
        "bin/busybox": cpio.file(kernel.busybox.read_bytes(), executable=True),
        f"{library}/modules.dep": cpio.file(modules.dependencies(loaded).encode()),
        f"{library}/modules.alias": cpio.file(modules.aliases(loaded).encode()),
    }
    nodes |= files
    nodes |= {f"bin/{applet}": cpio.link("busybox") for applet in (*APPLETS, *applets)}
    nodes |= {f"{library}/{driver.file}": cpio.file(driver.content) for driver in loaded}
    nodes |= dict.fromkeys(("dev", "proc", "sys"), cpio.FOLDER)
    return cpio.archive(nodes)


def unpacked_kernel(image: bytes) -> bytes:
    """Return the ELF kernel within a bzImage that is packed with xz, any other unchanged.

    QEMU enters an ELF kernel directly (PVH), which spares the guest's unpacking: half of its boot under TCG.
    The offsets are those of the kernel's Documentation/arch/x86/boot.rst.
    """
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start : start + length]
    return lzma.LZMADecompressor().decompress(payload) if payload.startswith(b"\xfd7zXZ\0") else image


def _make_tick(folder: Path) -> None:
    assemble_tick(folder / "tick.img")


def _make_micro(folder: Path, lwip: Lwip) -> None:
    compile_micro(folder / "micro.elf", lwip)


def _make_linux(folder: Path, kernel: Kernel) -> None:
    compile_services(folder / "services")
    services = (folder / "services").read_bytes()
    made = {
        "kernel": unpacked_kernel(kernel.image.read_bytes()),
        "initrd": initramfs(kernel, {"bin/services": cpio.file(services, executable=True)}),
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    (folder / "digest").write_text(digest(made.values()), encoding="ascii")


def built(
    settings: Settings, name: str, inputs: Iterable[bytes], make: Callable[[Path], None], *, thorough: bool
) -> Path:
    """Return the folder in the cache for `inputs`, filled by `make` beside it and put into place whole.

    One that is damaged is made anew; a whole one needs no right to write.
    """
    images = settings.cache_dir / "images"
    folder = images / f"{name}-{digest(inputs)[:24]}"
    if _is_whole(folder, thorough=thorough):
        return folder
    try:
        images.mkdir(parents=True, exist_ok=True)
        with FileLock(images / f".{name}.lock"):
            if not _is_whole(folder, thorough=thorough):
                with scratch(f".{name}~", images) as temporary:
                    made = temporary / "made"
                    made.mkdir()
                    make(made)
                    (made / MANIFEST).write_text(json.dumps(describe(made)), encoding="utf-8")
                    if folder.exists():
                        folder.rename(temporary / "damaged")
                    made.rename(folder)
    except OSError as error:
        raise CacheError(
            f"the {name} guest cannot be kept in the cache: {error}",
            f"make {images} writable with 200 MB free, or choose another folder with --cache-dir",
        ) from error
    return folder


def _is_whole(folder: Path, *, thorough: bool) -> bool:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return not wrong_file(folder, files, (), thorough=thorough)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def digest(parts: Iterable[bytes]) -> str:
    """Return one digest of all parts, in this order."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def version_of(tool: str) -> bytes:
    """Return what a tool says of its version. Raises MachineError."""
    return run([tool, "--version"], timeout=COMPILE_TIMEOUT, remedy=REMEDY).encode()
