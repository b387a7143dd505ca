"""The network of a pair whose hosts are real: what lies between them is not ours."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import Any

from colo_harness.errors import MachineError, OutOfReach, WaitTimeout
from colo_harness.machine import mark
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import CLIENT, HOSTS, PREFIX, Host, Network, await_links
from colo_harness.machine.process import run
from colo_harness.remote.fleet import Fleet
from colo_harness.remote.there import There
from colo_harness.wait import wait_until

TAKEN = "is another run at work there? one at a time; else look at the interfaces in hosts.toml"


class RealNetwork(Network):
    """A client here, a namespace on each real host, and what joins them is plugged into the interfaces of hosts.toml.

    The client's `svc0` and the hosts' `svc0` and `colo0` are macvlans on these: they leave the interfaces as they are,
    and vanish with the namespaces. Inside, all is as on any other network; but there is no switch of ours, and no
    socket of ours can be on a host: who asks for these gets OutOfReach.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.wires, self.behind, self.splices, self.laundering = [], {}, count(), False
        self._hosts = fleet.hosts
        self._sites: dict[Host, There] = {}
        with ExitStack() as stack:
            self.client = stack.enter_context(Namespace("client"))
            self._plug_client()
            for name in HOSTS:
                self._sites[name] = site = fleet.site(name)
                stack.callback(site.close)
                self._plug_host(name, site)
            for name in HOSTS:
                _await_links(name, self._sites[name], ("colo0", "svc0", "br0"))
            await_links(self.client, ["svc0"])
            self._close = stack.pop_all().close

    def __getattr__(self, name: str) -> Any:
        """Say that what only a network within one machine has is not to be had."""
        if name in ("switch", "colo_switch", *HOSTS):
            raise OutOfReach(f"real hosts have no {name} that is a namespace of ours")
        raise AttributeError(name)

    def site(self, name: Host) -> There:
        """Return where a side of the pair runs."""
        return self._sites[name]

    def address(self, host: Host) -> str:
        """Return the host's address on the COLO network."""
        return self._hosts.address(host)

    def unplug(self, host: Host) -> None:
        """Take the host's guest off the service network."""
        self._sites[host].ip("link set tap0 nomaster")

    def plug(self, host: Host) -> None:
        """Put it there again."""
        self._sites[host].ip("link set tap0 master br0")

    def _plug_client(self) -> None:
        link = self._hosts.client.service
        ours = f"group {mark.link_group()}"
        line = f"link add link {link} name svc0 {ours} netns {self.client.path} type macvlan mode bridge\n"
        run(["ip", "-batch", "-"], timeout=30, input=line, remedy="look at `service` of [client] in hosts.toml")
        self.client.ip(f"address add {CLIENT}/{PREFIX} dev svc0", "link set svc0 up")

    def _plug_host(self, name: Host, site: There) -> None:
        node = self._hosts.node(name)
        try:
            site.ip(
                f"link add link {node.service} name svc0 netns {{site}} type macvlan mode passthru",
                f"link add link {node.colo} name colo0 netns {{site}} type macvlan mode bridge",
                inside=False,
            )
        except MachineError as refusal:
            raise MachineError(f"{name}: {refusal.problem}", TAKEN) from refusal
        site.ip(
            f"address add {node.address} dev colo0",
            "link set colo0 up",
            "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            "link set br0 up",
            "link set svc0 master br0 up",
            "tuntap add dev tap0 mode tap vnet_hdr",
            "link set tap0 master br0 up",
        )


def _await_links(name: Host, site: There, links: Sequence[str]) -> None:
    """Wait until no frame is lost any more. Raises MachineError."""
    try:
        wait_until(f"the links of {name}", partial(site.link.call, "passes", links=links), timeout=10, interval=0.005)
    except WaitTimeout as slow:
        raise MachineError(str(slow), "are the interfaces in hosts.toml up, with a carrier?") from slow
