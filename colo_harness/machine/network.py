"""The network of one pair: two hosts, a client and the switch between them, with no way out."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine import mark
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.site import Here, Site
from colo_harness.wait import wait_until

Host = Literal["host_a", "host_b"]
HOSTS: tuple[Host, Host] = ("host_a", "host_b")
Plug = Literal["host_a", "host_b", "client"]
PORTS: tuple[Plug, ...] = (*HOSTS, "client")
"""The ports of the service network's switch, each named after who is plugged in."""

GUEST = "10.77.0.10"
GUEST_MAC = "52:54:00:aa:bb:01"
CLIENT = "10.77.0.1"
SECOND_GUEST, SECOND_CLIENT = "10.78.0.10", "10.78.0.1"
"""On the second service network, where there is one."""
PREFIX = 24
HEARTBEAT_ADDRESS: dict[Host, str] = {"host_a": "10.99.0.1", "host_b": "10.99.0.2"}
COLO_ADDRESS: dict[Host, str] = {"host_a": "10.88.0.1", "host_b": "10.88.0.2"}

TUN = Path("/dev/net/tun")

_BEHIND = 21
"""Numbers of ports: the kernel's link watch may leave a link whose peer has its own number for a second."""
_PLAIN_BRIDGE = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"


@dataclass(frozen=True)
class Port:
    """A port `name` of a switch's `bridge`; whoever is plugged in has the other end, `link` in `holder`."""

    switch: Namespace
    bridge: str
    name: str
    holder: Namespace
    link: str


class Voucher(Protocol):
    """Knows whether it did what was asked of it."""

    def vouch(self) -> None:
        """Raise MachineError where it did not."""


class Network:
    """Five namespaces and two networks; a context manager, closing drops them all.

    Service network: bridge `service` in `switch` with ports `host_a`, `host_b`, `client`; behind each of them
    the link `svc0`. The client's has the address 10.77.0.1/24; a host's is in the bridge `br0` with `tap0`,
    which is the guest's end. Frames alone teach the bridges, as in a real switch: a guest that moves must be
    heard first.
    COLO network: bridge `colo` in `colo_switch` with ports `host_a` and `host_b`; behind each of them the link
    `colo0`, with the addresses 10.88.0.1/24 and 10.88.0.2/24.
    Heartbeat network, where one is wanted: `hb0` in host_a (10.99.0.1/24) and in host_b (10.99.0.2/24), by the bridge
    `heartbeat` in `switch` with the ports `beat_a` and `beat_b`.
    IPv6 is off everywhere, nothing has a default route. Raises MachineError.
    """

    def __init__(self, nics: int = 1, *, heartbeat: bool = False) -> None:
        if not os.access(TUN, os.R_OK | os.W_OK):
            raise MachineError(f"there is no {TUN} that may be opened for the guests' network cards", tun_remedy())
        with ExitStack() as stack:
            self.switch = stack.enter_context(Namespace("switch"))
            self.colo_switch = stack.enter_context(Namespace("colo_switch"))
            self.client = stack.enter_context(Namespace("client"))
            self.host_a = stack.enter_context(Namespace("host_a"))
            self.host_b = stack.enter_context(Namespace("host_b"))
            self.wires: list[Voucher] = []
            """What of ours is in it now (colo_harness/machine/splice.py)."""
            self.behind: dict[Port, str] = {}
            """The link that is in the bridge in place of a port, where a wire was put between them."""
            self.splices = count()
            self.laundering = False
            """Sabotage: whoever spoils a frame on this network sums it anew, so that no checksum tells."""
            self._plug(nics, heartbeat=heartbeat)
            self._close = stack.pop_all().close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def namespaces(self) -> tuple[Namespace, ...]:
        """All that this network consists of."""
        return self.switch, self.colo_switch, self.client, self.host_a, self.host_b

    def host(self, name: Host) -> Namespace:
        """Return the namespace of host_a or host_b."""
        return {"host_a": self.host_a, "host_b": self.host_b}[name]

    def site(self, name: Host) -> Site:
        """Return where a side of the pair runs."""
        return Here(self.host(name))

    def address(self, host: Host) -> str:
        """Return the host's address on the COLO network."""
        return COLO_ADDRESS[host]

    def colo_port(self, host: Host) -> Port:
        """Return the host's port of the COLO network."""
        return Port(self.colo_switch, "colo", host, self.host(host), "colo0")

    def service_port(self, name: Plug) -> Port:
        """Return a port of the first service network."""
        holder = self.client if name == "client" else self.host(name)
        return Port(self.switch, "service", name, holder, "svc0")

    def unplug(self, host: Host) -> None:
        """Take the host's guest off the service network."""
        self.host(host).ip("link set tap0 nomaster")

    def plug(self, host: Host) -> None:
        """Put it there again."""
        self.host(host).ip("link set tap0 master br0")

    def acknowledge(self, *, at_once: bool) -> None:
        """Let the hosts' kernels acknowledge what comes over the COLO network at once, or with the delay of TCP."""
        for name in HOSTS:
            address = self.address(name)
            subnet = f"{address.rpartition('.')[0]}.0/{PREFIX}"
            self.host(name).ip(f"route replace {subnet} dev colo0 scope link src {address} quickack {int(at_once)}")

    def vouch(self) -> None:
        """Say that this network did what was asked of it. Raises MachineError where a wire of ours broke."""
        for wire in self.wires:
            wire.vouch()

    def close(self) -> None:
        """Let go of all namespaces; processes that are still inside keep theirs alive."""
        self._close()

    def _plug(self, nics: int, *, heartbeat: bool) -> None:
        ours = f"group {mark.link_group()}"
        lines = [f"link add colo {ours} {_PLAIN_BRIDGE}", "link set colo up"]
        for index, name in enumerate(HOSTS, _BEHIND):
            peer = f"peer name colo0 {ours} netns {self.host(name).path}"
            lines += [f"link add {name} index {index} {ours} type veth {peer}", f"link set {name} master colo up"]
        self.colo_switch.ip(*lines)
        for name in HOSTS:
            self.host(name).ip(f"address add {self.address(name)}/{PREFIX} dev colo0", "link set colo0 up")
        waiting: dict[Namespace, list[str]] = {self.colo_switch: [*HOSTS]}
        waiting |= {self.host(name): ["colo0"] for name in HOSTS}
        plugged = [self._serve(number, client, ours) for number, client in enumerate((CLIENT, SECOND_CLIENT)[:nics])]
        for network in [*plugged, *([self._beat(ours)] if heartbeat else [])]:
            for namespace, links in network.items():
                waiting.setdefault(namespace, []).extend(links)
        for namespace, links in waiting.items():
            await_links(namespace, links)

    def _serve(self, number: int, client: str, ours: str) -> Mapping[Namespace, Iterable[str]]:
        """Make a service network; return its links in each namespace."""
        end = number or ""
        ports = [f"{name}{end}" for name in PORTS]
        lines = [f"link add service{end} {ours} {_PLAIN_BRIDGE}", f"link set service{end} up"]
        inside = (self.host_a, self.host_b, self.client)
        for index, (name, holder) in enumerate(zip(ports, inside, strict=True), _BEHIND + number * len(PORTS)):
            lines += [
                f"link add {name} index {index} {ours} type veth peer name svc{number} {ours} netns {holder.path}",
                f"link set {name} master service{end} up",
            ]
        self.switch.ip(*lines)
        self.client.ip(f"address add {client}/{PREFIX} dev svc{number}", f"link set svc{number} up")
        for name in HOSTS:
            self.host(name).ip(
                f"link add br{number} {ours} {_PLAIN_BRIDGE}",
                f"link set br{number} up",
                f"link set svc{number} master br{number} up",
                f"tuntap add dev tap{number} mode tap vnet_hdr",
                f"link set tap{number} {ours} master br{number} up",
            )
        links = (f"br{number}", f"svc{number}")
        outer = {self.switch: (f"service{end}", *ports), self.client: (f"svc{number}",)}
        return {**outer, self.host_a: links, self.host_b: links}

    def _beat(self, ours: str) -> Mapping[Namespace, Iterable[str]]:
        """Make the heartbeat network; return its links in each namespace."""
        lines = [f"link add heartbeat {ours} {_PLAIN_BRIDGE}", "link set heartbeat up"]
        ports = [f"beat{name.removeprefix('host')}" for name in HOSTS]
        for index, (port, name) in enumerate(zip(ports, HOSTS, strict=True), _BEHIND + 2 * len(PORTS)):
            lines += [
                f"link add {port} index {index} {ours} type veth peer name hb0 {ours} netns {self.host(name).path}",
                f"link set {port} master heartbeat up",
            ]
        self.switch.ip(*lines)
        for name in HOSTS:
            self.host(name).ip(f"address add {HEARTBEAT_ADDRESS[name]}/{PREFIX} dev hb0", "link set hb0 up")
        return {self.switch: ("heartbeat", *ports), self.host_a: ("hb0",), self.host_b: ("hb0",)}


def tun_remedy() -> str:
    """Return what helps who cannot make taps."""
    if TUN.exists() and not os.access(TUN, os.R_OK | os.W_OK):
        return f"let this user open it: as root, chmod 0666 {TUN}, as udev has it; or put it into a group of the user's"
    return f"load the kernel module tun (modprobe tun); in a container, hand in --device {TUN}"


def await_links(namespace: Namespace, links: Iterable[str]) -> None:
    """Wait until no frame is lost any more: a lost ARP request costs a second. Raises MachineError."""
    try:
        wait_until(f"the links in {namespace!r}", lambda: namespace.passes(*links), timeout=10, interval=0.001)
    except WaitTimeout as slow:
        raise MachineError(str(slow), "the kernel does not keep up: run fewer tests at a time") from slow
