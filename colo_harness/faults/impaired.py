"""Bad networks: frames come late, thinned out, twice, out of order or spoilt."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.fault import Bite
from colo_harness.machine.fates import Impairment
from colo_harness.machine.impairing import impaired
from colo_harness.qemu.topology import Role


@dataclass(frozen=True)
class BadLink:
    """A link is bad in both directions: the one between the hosts, or somebody's to the service network."""

    where: Literal["colo", "client"] | Role
    bad: Impairment
    seed: int = 1

    allows = ()

    def __str__(self) -> str:
        return f"{self.where}-{self.bad}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Make it bad, and enter once that was seen. Raises MachineError."""
        network = pair.network
        match self.where:
            case "colo":
                port = network.colo_port("host_a")
            case "client":
                port = network.service_port("client")
            case role:
                port = network.service_port(pair.host(role))
        with impaired(network, port, self.bad, self.seed) as tally:
            bite: Bite = {"seed": self.seed}
            yield bite
            bite.update(tally)
