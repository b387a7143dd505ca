"""The stream of the secondary's answers breaks within a frame, and comes back at once."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.cut import Cut, is_cut
from colo_harness.faults.fault import Bite
from colo_harness.machine.buffers import small_buffers
from colo_harness.qemu.topology import Channel, Role
from colo_harness.wait import wait_until

BEGUN = struct.pack("!II", 100, 12) + b"\x52"
"""A frame of 100 bytes behind a virtio-net header of 12, of which its first byte came."""
_WITHIN = 10.0


@dataclass(frozen=True)
class Torn:
    """As `Cut` of the stream to colo-compare, which has read the beginning of a frame by then.

    With `Cut` it is left to chance where it falls. Here we are the secondary for that frame, and what connects then has
    small buffers, so that what nobody reads does not take long to fill them.
    """

    allows = ("stderr-network",)

    def __str__(self) -> str:
        return "torn-compare"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Cut the stream, begin a frame, and enter once the secondary is connected again. Raises WaitTimeout."""
        address, secondary = pair.address(Role.PRIMARY), pair.vm(Role.SECONDARY)
        hosts = [pair.network.host(pair.host(role)) for role in Role]
        with small_buffers(*hosts), Cut(Channel.COMPARE).inject(pair) as bite:
            with pair.network.host(pair.host(Role.SECONDARY)).socket(socket.AF_INET, socket.SOCK_STREAM) as end:
                end.connect((address, int(Channel.COMPARE)))
                end.sendall(BEGUN)
            wait_until("the secondary to be connected again", lambda: not is_cut(secondary, "red1"), timeout=_WITHIN)
            yield bite
