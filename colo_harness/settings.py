"""The settings of one run: read once from options, then frozen and handed down."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import platformdirs

Accel = Literal["kvm", "tcg"]


@dataclass(frozen=True)
class Timeouts:
    """Deadlines in seconds; generous, since they tell a hang from slowness and nothing else."""

    factor: float = 1.0

    @property
    def command(self) -> float:
        """A QMP command's answer."""
        return 20 * self.factor

    @property
    def step(self) -> float:
        """A frame through an object of the proxy, which takes less than a millisecond."""
        return 5 * self.factor

    @property
    def launch(self) -> float:
        """A QEMU from exec to its monitor's greeting."""
        return 30 * self.factor

    @property
    def introduction(self) -> float:
        """Something that did not come up as QEMU until it has said that it is one."""
        return 10 * self.factor

    @property
    def boot(self) -> float:
        """A guest from power-on to its services."""
        return 180 * self.factor

    @property
    def entry(self) -> float:
        """A pair from `migrate` to `colo`."""
        return 40 * self.factor

    @property
    def resync(self) -> float:
        """A survivor's disk from its first block to the last one copied."""
        return 60 * self.factor

    @property
    def failover(self) -> float:
        """A failover's command, and from the last of them to a guest that runs alone."""
        return 10 * self.factor

    @property
    def checkpoint(self) -> float:
        """A checkpoint that is due or was forced, from due to done."""
        return 20 * self.factor

    @property
    def late(self) -> float:
        """How much later than due a checkpoint may come before a test stops waiting for it."""
        return 1.5 * self.factor

    @property
    def answer(self) -> float:
        """A guest service's answer to a client, a failover included."""
        return 30 * self.factor

    @property
    def settling(self) -> float:
        """What a test has ended, from its end until nothing of it is left."""
        return 10 * self.factor


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do; no module reads the environment or options by itself."""

    cache_dir: Path = field(default_factory=lambda: Path(platformdirs.user_cache_dir("colo-harness")))
    """Fetched QEMU releases and built guest images; shared by runs."""
    results_dir: Path = Path("reports")
    """What the run leaves for people: Allure results, the HTML report, claims.json."""
    run_dir: Path = Path("/tmp/colo-run")  # noqa: S108 - a default for tests; a run makes a fresh 0700 folder
    """What the run needs while it lasts: sockets, logs, disks, pid lists. Mode 0700, removed at the end."""
    qemu: Path | None = None
    """The executable under test; None is a release."""
    release: str = "reference"
    """The name of the release under test, where no executable is given."""
    hosts: Path | None = None
    """What names the real hosts of pairs; None: hosts are namespaces of this machine."""
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    cold_boot: bool = False
    """Boot every guest instead of restoring saved state."""
    keep_artifacts: bool = False
    """Attach artifacts to passed tests too."""
    core: bool = False
    """Keep a core file of a QEMU that hangs."""
    strict: bool = False
    """Turn skips for want of something in the environment into failures."""
    seed: int = 1
    cycles: int = 2
    """How often a test of resuming loses a side and makes the pair whole again."""
    thorough: float = 0
    """For so many seconds generated tests go on."""
    timeouts: Timeouts = Timeouts()
