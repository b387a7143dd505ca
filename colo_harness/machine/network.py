"""The network of one pair: two hosts, a client and the switch between them, with no way out."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine import mark
from colo_harness.machine.namespace import Namespace
from colo_harness.wait import wait_until

Host = Literal["host_a", "host_b"]
HOSTS: tuple[Host, Host] = ("host_a", "host_b")
PORTS = (*HOSTS, "client")
"""The ports of the service network's switch, each named after who is plugged in."""

GUEST = "10.77.0.10"
GUEST_MAC = "52:54:00:aa:bb:01"
CLIENT = "10.77.0.1"
SECOND_GUEST, SECOND_CLIENT = "10.78.0.10", "10.78.0.1"
"""On the second service network, where there is one."""
PREFIX = 24
HEARTBEAT_ADDRESS: dict[Host, str] = {"host_a": "10.99.0.1", "host_b": "10.99.0.2"}
COLO_ADDRESS: dict[Host, str] = {"host_a": "10.88.0.1", "host_b": "10.88.0.2"}

_PLAIN_BRIDGE = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"


class Network:
    """Four namespaces and two networks; a context manager, closing drops them all.

    Service network: bridge `service` in `switch` with ports `host_a`, `host_b`, `client`; behind each of them
    the link `svc0`. The client's has the address 10.77.0.1/24; a host's is in the bridge `br0` with `tap0`,
    which is the guest's end. Frames alone teach the bridges, as in a real switch: a guest that moves must be
    heard first.
    COLO network: `colo0` in host_a (10.88.0.1/24) and in host_b (10.88.0.2/24), the two ends of one link.
    Heartbeat network, where one is wanted: `hb0` in host_a (10.99.0.1/24) and in host_b (10.99.0.2/24), by the bridge
    `heartbeat` in `switch` with the ports `beat_a` and `beat_b`.
    IPv6 is off everywhere, nothing has a default route. Raises MachineError.
    """

    def __init__(self, nics: int = 1, *, heartbeat: bool = False) -> None:
        if not Path("/dev/net/tun").exists():
            raise MachineError(
                "there is no /dev/net/tun for the guests' network cards",
                "load the kernel module tun (modprobe tun); in a container, hand in --device /dev/net/tun",
            )
        with ExitStack() as stack:
            self.switch = stack.enter_context(Namespace("switch"))
            self.client = stack.enter_context(Namespace("client"))
            self.host_a = stack.enter_context(Namespace("host_a"))
            self.host_b = stack.enter_context(Namespace("host_b"))
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
        return self.switch, self.client, self.host_a, self.host_b

    def host(self, name: Host) -> Namespace:
        """Return the namespace of host_a or host_b."""
        return {"host_a": self.host_a, "host_b": self.host_b}[name]

    def address(self, host: Host) -> str:
        """Return the host's address on the COLO network."""
        return COLO_ADDRESS[host]

    def close(self) -> None:
        """Let go of all namespaces; processes that are still inside keep theirs alive."""
        self._close()

    def _plug(self, nics: int, *, heartbeat: bool) -> None:
        ours = f"group {mark.link_group()}"
        # distinct numbers: the kernel's link watch may leave a link whose peer has its own number for a second
        self.host_a.ip(
            f"link add colo0 index 11 {ours} type veth peer name colo0 index 12 {ours} netns {self.host_b.path}"
        )
        for name in HOSTS:
            self.host(name).ip(f"address add {self.address(name)}/{PREFIX} dev colo0", "link set colo0 up")
        waiting: dict[Namespace, list[str]] = {self.host_a: ["colo0"], self.host_b: ["colo0"]}
        plugged = [self._serve(number, client, ours) for number, client in enumerate((CLIENT, SECOND_CLIENT)[:nics])]
        for network in [*plugged, *([self._beat(ours)] if heartbeat else [])]:
            for namespace, links in network.items():
                waiting.setdefault(namespace, []).extend(links)
        for namespace, links in waiting.items():
            _await_links(namespace, links)

    def _serve(self, number: int, client: str, ours: str) -> Mapping[Namespace, Iterable[str]]:
        """Make a service network; return its links in each namespace."""
        end = number or ""
        ports = [f"{name}{end}" for name in PORTS]
        lines = [f"link add service{end} {ours} {_PLAIN_BRIDGE}", f"link set service{end} up"]
        for name, inside in zip(ports, (self.host_a, self.host_b, self.client), strict=True):
            lines += [
                f"link add {name} {ours} type veth peer name svc{number} {ours} netns {inside.path}",
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
        inner = (f"br{number}", f"svc{number}")
        outer = {self.switch: (f"service{end}", *ports), self.client: (f"svc{number}",)}
        return {**outer, self.host_a: inner, self.host_b: inner}

    def _beat(self, ours: str) -> Mapping[Namespace, Iterable[str]]:
        """Make the heartbeat network; return its links in each namespace."""
        lines = [f"link add heartbeat {ours} {_PLAIN_BRIDGE}", "link set heartbeat up"]
        ports = [f"beat{name.removeprefix('host')}" for name in HOSTS]
        for port, name in zip(ports, HOSTS, strict=True):
            lines += [
                f"link add {port} {ours} type veth peer name hb0 {ours} netns {self.host(name).path}",
                f"link set {port} master heartbeat up",
            ]
        self.switch.ip(*lines)
        for name in HOSTS:
            self.host(name).ip(f"address add {HEARTBEAT_ADDRESS[name]}/{PREFIX} dev hb0", "link set hb0 up")
        return {self.switch: ("heartbeat", *ports), self.host_a: ("hb0",), self.host_b: ("hb0",)}


def _await_links(namespace: Namespace, links: Iterable[str]) -> None:
    """Wait until no frame is lost any more: a lost ARP request costs a second. Raises MachineError."""
    try:
        wait_until(f"the links in {namespace!r}", lambda: namespace.passes(*links), timeout=10, interval=0.001)
    except WaitTimeout as slow:
        raise MachineError(str(slow), "the kernel does not keep up: run fewer tests at a time") from slow
