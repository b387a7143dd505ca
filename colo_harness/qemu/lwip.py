"""lwIP, the TCP of the micro guest: its source, as Debian has it."""

from dataclasses import dataclass
from pathlib import Path

from colo_harness.machine.bundle import Recipe, bundle
from colo_harness.machine.progress import Progress, quiet
from colo_harness.settings import Settings

RECIPE = Recipe(
    folder="lwip/bookworm",
    suites=("bookworm",),
    packages=(),
    sources=("lwip",),
    essential=("usr/src/lwip/src/core/*.c", "usr/src/lwip/src/core/ipv4/*.c", "usr/src/lwip/src/netif/ethernet.c"),
)
_CORE = "init def inet_chksum ip mem memp netif pbuf tcp tcp_in tcp_out timeouts ipv4/etharp ipv4/ip4 ipv4/ip4_addr"


@dataclass(frozen=True)
class Lwip:
    """What the micro guest is compiled with."""

    version: str
    root: Path
    """The folder src of lwIP's release."""

    @property
    def headers(self) -> Path:
        """Where its headers are."""
        return self.root / "include"

    @property
    def sources(self) -> list[Path]:
        """What TCP, IPv4, ARP and Ethernet take."""
        return [*(self.root / f"core/{name}.c" for name in _CORE.split()), self.root / "netif/ethernet.c"]


def fetch_lwip(settings: Settings, progress: Progress = quiet, *, thorough: bool = False) -> Lwip:
    """Return lwIP, fetched if the cache has it not, or not whole; `thorough` verifies every file's sha256.

    Raises CacheError, MachineError.
    """
    unpacked = bundle(settings.cache_dir, RECIPE, progress, thorough=thorough)
    return Lwip(unpacked.versions["lwip"], unpacked.root / "usr/src/lwip/src")
