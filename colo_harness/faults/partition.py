"""Partitions: what is said on a network, or in one of COLO's streams, does not come to the other end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.machine.fates import Barred
from colo_harness.machine.network import Network, Port
from colo_harness.machine.segment import Segment
from colo_harness.machine.splice import HOLDER, SWITCH, spliced
from colo_harness.machine.tracers import Place, Tracers, plain, segments
from colo_harness.machine.wire import End
from colo_harness.qemu.argv import SECOND_PORTS
from colo_harness.qemu.topology import HOSTS, Channel, Role
from colo_harness.wait import wait_until

How = Literal["drop", "reject"]
Way = Literal["both", "from", "to"]
"""Whether what comes from somebody is lost, or what goes there."""
_Route = tuple[Place, Place, Callable[[int], bytes]]
"""From where to where tracers go, and who makes them."""
_BITES_WITHIN = 10.0
_DISCARD = 9


@dataclass(frozen=True)
class Partition:
    """What the hosts say to each other over the COLO network is lost on its way: one stream, or everything.

    With `reject`, whoever sent a segment gets a reset for it, as from a firewall.
    """

    channel: Channel | None = None
    """None for the whole network."""
    unheard: Role | None = None
    """Whose words are lost; None for both."""
    how: How = "drop"

    allows = PEER_LOST

    def __str__(self) -> str:
        who = [f"of-{self.unheard}"] if self.unheard else []
        return "-".join([self.how, self.channel.name.lower() if self.channel else "all", *who])

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Put a wire of ours between the hosts, which loses it. Raises MachineError."""
        unheard = {pair.host(self.unheard)} if self.unheard else set(HOSTS)
        fate = Barred(
            lambda segment, end: HOSTS[end] in unheard and self._concerns(segment), refusing=self.how == "reject"
        )
        ways = {end: self._way(pair.network, end) for end, host in enumerate(HOSTS) if host in unheard}
        with _barred(pair.network, pair.network.colo_port(HOSTS[HOLDER]), fate, ways) as bite:
            yield bite

    def _concerns(self, segment: Segment | None) -> bool:
        if self.channel is None:
            return True
        port = int(self.channel)
        return segment is not None and not {port, port + SECOND_PORTS}.isdisjoint(segment.ports)

    def _way(self, network: Network, end: End) -> _Route:
        """Return the way of this stream's tracers from the host at this end of the wire."""
        source, target = HOSTS[end], HOSTS[1 - end]
        ports = _DISCARD, int(self.channel or _DISCARD)
        make = segments(network.address(source), network.address(target), ports)
        return (network.host(source), "colo0"), (network.host(target), "colo0"), make


@dataclass(frozen=True)
class Unplugged:
    """Somebody is cut off from the service network: a side's host, or the clients."""

    who: Role | Literal["client"]
    way: Way = "both"
    how: How = "drop"

    allows = ()

    def __str__(self) -> str:
        return "-".join([self.how, *([] if self.way == "both" else [self.way]), str(self.who)])

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Put a wire of ours between the switch and whoever it is. Raises MachineError."""
        network, client = pair.network, pair.network.service_port("client")
        port = client if self.who == "client" else network.service_port(pair.host(self.who))
        other = network.service_port(HOSTS[0]) if port == client else client
        ends = {"both": {HOLDER, SWITCH}, "from": {HOLDER}, "to": {SWITCH}}[self.way]
        fate = Barred(lambda _, end: end in ends, refusing=self.how == "reject")
        places: tuple[Place, Place] = (port.holder, port.link), (other.holder, other.link)
        ways = {end: (places[end], places[1 - end], plain) for end in ends}
        with _barred(network, port, fate, ways) as bite:
            yield bite


@contextmanager
def _barred(network: Network, port: Port, fate: Barred, ways: Mapping[End, _Route]) -> Iterator[Bite]:
    """Bar a port's frames; `ways` are those of tracers that are to be lost, by the end where they come in."""
    with ExitStack() as opened:
        tracers = [opened.enter_context(Tracers(*way)) for way in ways.values()]
        with spliced(network, port, fate):
            for each in tracers:
                each.send()
            try:
                wait_until("tracers to be lost", lambda: fate.met == set(ways), timeout=_BITES_WITHIN)
            except WaitTimeout as vain:
                raise MachineError(str(vain), "please report this as a bug") from vain
            bite: Bite = {"lost": 0}
            yield bite
            bite.update(fate.tally)
        for each in tracers:
            each.await_one()
