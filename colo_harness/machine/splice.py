"""A splice: a wire of ours put into a network that is at work, between a port and its switch."""

import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import ioctl

from colo_harness.machine import mark
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import Network, Port, await_links
from colo_harness.machine.wire import Fate, Wire, end_at

SIOCETHTOOL, ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM = 0x8946, 0x16, 0x17
HOLDER, SWITCH = 0, 1
"""The ends of a spliced wire: frames come from whoever is plugged in, or from the switch."""


@contextmanager
def spliced(network: Network, port: Port, fate: Fate, *, whole: bool = False) -> Iterator[Wire]:
    """Let `fate` decide on the frames that pass `port` inside the block.

    With `whole`, each frame is what a real wire carries: of the size of one, and with its checksum.
    What passes while the wire comes and goes may be lost. Splices of one port end in reverse order.
    """
    before, number = network.behind.get(port, port.name), next(network.splices)
    inner, outer = f"wire{number}", f"wire{number}out"
    ours = f"group {mark.link_group()}"
    with ExitStack() as healing:
        port.switch.ip(
            f"link add {inner} {ours} type veth peer name {outer} index {1000 + number} {ours}",
            f"link set {inner} up",
            f"link set {outer} up",
        )
        healing.callback(port.switch.ip, f"link del {inner}", f"link set {before} master {port.bridge}")
        if whole:
            for namespace, link in ((port.holder, port.link), (port.switch, outer)):
                healing.enter_context(summing(namespace, link))
        await_links(port.switch, (inner,))
        wire = _joined(port, before, inner, fate)
        healing.callback(wire.close)
        port.switch.ip(f"link set {before} nomaster", f"link set {outer} master {port.bridge}")
        healing.callback(network.behind.__setitem__, port, before)
        network.behind[port] = outer
        healing.callback(network.wires.remove, wire)
        network.wires.append(wire)
        yield wire


def _joined(port: Port, before: str, inner: str, fate: Fate) -> Wire:
    with ExitStack() as opened:
        ends = tuple(opened.enter_context(end_at(port.switch, link)) for link in (before, inner))
        wire = Wire((ends[0], ends[1]), fate)
        opened.pop_all()
    return wire


@contextmanager
def summing(namespace: Namespace, link: str) -> Iterator[None]:
    """Let the kernel sum and cut up all that goes out of this link, inside the block."""
    before = _ethtool(namespace, link, ETHTOOL_GTXCSUM)
    _ethtool(namespace, link, ETHTOOL_STXCSUM)
    try:
        yield
    finally:
        _ethtool(namespace, link, ETHTOOL_STXCSUM, before)


def _ethtool(namespace: Namespace, link: str, command: int, value: int = 0) -> int:
    """Do a command of linux/ethtool.h that takes or gives a number."""
    told = array("I", [command, value])
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", link.encode(), told.buffer_info()[0]))
    return told[1]
