"""The guest of the applications: Debian's redis, nginx, SQLite and OpenSSH on a file system of the replicated disk."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from colo_harness.machine.process import run
from colo_harness.qemu import cpio, guest
from colo_harness.qemu.disk import BLOCK, SIZE, base_block
from colo_harness.qemu.guest import COMPILE_TIMEOUT, RECIPES, REMEDY
from colo_harness.qemu.kernel import Kernel, fetch_kernel
from colo_harness.qemu.software import Software, fetch_software
from colo_harness.settings import Settings

PROGRAMS = ("redis-server", "nginx", "sshd")
DRIVERS = ("ext4", "crc32c_generic")
APPLETS = ("mkdir", "nc", "sleep")
"""What images/applications/start calls of busybox, besides what init does."""
SETTINGS = {
    "etc/group": "group",
    "etc/passwd": "passwd",
    "etc/redis.conf": "redis.conf",
    "etc/nginx.conf": "nginx.conf",
    "etc/ssh/sshd_config": "sshd_config",
}
"""Where the guest has a file of images/applications."""
BLOCKS = 2048
"""Of the file that nginx serves, each of them `base_block`."""
PRIVATE = 0o600


@dataclass(frozen=True)
class Applications:
    """The guest: what QEMU's -kernel and -initrd take, its raw disk, and the keys of OpenSSH."""

    folder: Path

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        """The initramfs, which holds all software."""
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        """A raw image with an ext4 of its whole size."""
        return self.folder / "disk.raw"

    @property
    def key(self) -> Path:
        """Who has this private key may log in as root."""
        return self.folder / "client_key"

    @property
    def host_key(self) -> Path:
        """The public key by which the guest is known."""
        return self.folder / "host_key.pub"

    @property
    def digest(self) -> str:
        """Of all that a saved state of this guest depends on."""
        return (self.folder / "digest").read_text(encoding="ascii")


def applications(settings: Settings, *, thorough: bool = False) -> Applications:
    """Return the guest, its parts fetched and its images built if need be; `thorough` verifies their content.

    Its keys are made with it, and never leave the cache. Raises CacheError, MachineError.
    """
    kernel, software = fetch_kernel(settings), fetch_software(settings)
    folders = (RECIPES / "applications", RECIPES / "linux")
    inputs = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    inputs += [*guest.BUILDERS, Path(__file__), kernel.image, kernel.busybox]
    versions = repr(sorted(software.versions.items())).encode()
    key = [guest.version_of("gcc"), kernel.version.encode(), versions, *map(Path.read_bytes, inputs)]
    return Applications(
        guest.built(settings, "applications", key, lambda made: _make(made, kernel, software), thorough=thorough)
    )


def compile_ledger(to: Path, software: Software) -> None:
    """Build the bank in SQLite behind HTTP as a static program, which runs on the host too. Raises MachineError."""
    services = RECIPES / "linux" / "services"
    sources = (RECIPES / "applications" / "ledger.c", services / "stream.c", software.sqlite, "-lm")
    headers = (f"-I{services}", f"-idirafter{software.header_folder}")
    options = ("-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-Wl,--build-id=none", "-s")
    run(["gcc", *options, *headers, "-o", to, *sources], timeout=COMPILE_TIMEOUT, remedy=REMEDY)


def make_keys(folder: Path) -> None:
    """Make a key pair for the guest and one for its client, which ssh-keygen does for nobody without an account."""
    import asyncssh  # noqa: PLC0415 - takes a third of a second, and the guest is made once

    for name in ("host_key", "client_key"):
        key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
        key.write_private_key(folder / name)
        key.write_public_key(folder / f"{name}.pub")


def _make(folder: Path, kernel: Kernel, software: Software) -> None:
    make_keys(folder)
    compile_ledger(folder / "ledger", software)
    files = {where: cpio.file(content, executable=True) for where, content in software.files(PROGRAMS).items()}
    files["bin/ledger"] = cpio.file((folder / "ledger").read_bytes(), executable=True)
    recipe = RECIPES / "applications"
    files["bin/start"] = cpio.file((recipe / "start").read_bytes())
    files |= {where: cpio.file((recipe / name).read_bytes()) for where, name in SETTINGS.items()}
    files["etc/ssh/host_key"] = cpio.file((folder / "host_key").read_bytes(), mode=PRIVATE)
    files["etc/ssh/authorized_keys"] = cpio.file((folder / "client_key.pub").read_bytes())
    made = {
        "kernel": guest.unpacked_kernel(kernel.image.read_bytes()),
        "initrd": guest.initramfs(kernel, files, drivers=DRIVERS, applets=APPLETS),
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    _make_disk(folder / "disk.raw", folder / "content", software)
    whole = (*made.values(), (folder / "disk.raw").read_bytes())
    (folder / "digest").write_text(guest.digest(whole), encoding="ascii")


def _make_disk(image: Path, content: Path, software: Software) -> None:
    """Make a file system that holds what nginx serves."""
    (content / "www").mkdir(parents=True)
    (content / "www" / "blocks").write_bytes(b"".join(map(base_block, range(BLOCKS))))
    configured = ("env", f"MKE2FS_CONFIG={software.root / 'etc/mke2fs.conf'}")
    options = ("-q", "-t", "ext4", "-b", str(BLOCK), "-E", "root_owner=0:0", "-d", content)
    run([*configured, *software.argv("mke2fs"), *options, image, f"{SIZE >> 20}M"], timeout=60)
    shutil.rmtree(content)
