"""The loss of a whole host: its processes and its links at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import await_links
from colo_harness.machine.tracers import Tracers
from colo_harness.qemu.topology import Role


@dataclass(frozen=True)
class HostDeath:
    """A host loses its power: all that runs there is gone, and nobody says goodbye.

    A kill alone lets the host's kernel go on: it ends every connection, and the peer is told.
    """

    role: Role

    allows = ("killed", *PEER_LOST)

    def __str__(self) -> str:
        return f"host-death-{self.role}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Take the links down, then kill; in the end the host is there again, and empty. Raises MachineError."""
        host, network = pair.host(self.role), pair.network
        namespace, other = network.host(host), network.colo_port("host_b" if host == "host_a" else "host_a")
        links = [name for name in namespace.interfaces().values() if name.startswith(("colo", "svc", "hb"))]
        namespace.ip(*(f"link set {link} down" for link in links))
        before = _sent(namespace, links)
        pair.power_off(host)
        try:
            if _sent(namespace, links) != before or namespace.passes(links[0]):
                raise MachineError(f"{host} still sends", "please report this as a bug")
            yield {"host": host}
        finally:
            namespace.forget_connections()  # a host that has booted knows none
            namespace.ip(*(f"link set {link} up" for link in links))
            await_links(namespace, links)
        with Tracers((namespace, "colo0"), (other.holder, other.link)) as tracers:
            tracers.await_one()


def _sent(namespace: Namespace, links: list[str]) -> list[str]:
    """Return how many frames have left by each of the links."""
    with namespace.entered():
        table = Path("/proc/thread-self/net/dev").read_text(encoding="ascii")
    return [table.partition(f"{link}:")[2].split()[9] for link in links]
