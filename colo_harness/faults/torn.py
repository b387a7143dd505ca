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

_BEGUN = struct.pack("!II", 100, 12) + b"\x52"
"""A frame of 100 bytes, the virtio-net header of 12 included, of which the first byte came."""
_WHOLE = struct.pack("!II", 200, 12) + bytes([0x52]) * 200
"""Behind those 99 bytes of it that are missing there, what is taken for a length is longer than any frame."""
_WITHIN = 10.0


@dataclass(frozen=True)
class Torn:
    """As `Cut` of the stream to colo-compare, which has read the beginning of a frame by then.

    With `Cut` it is left to chance where it falls. Here we are the secondary for that frame and the next one, and what
    connects then has small buffers, so that what nobody reads does not take long to fill them.
    """

    allows = ("stderr", "stderr-network")

    def __str__(self) -> str:
        return "torn-compare"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Cut the stream, say both frames, and enter once somebody is connected again. Raises WaitTimeout."""
        address, primary = pair.address(Role.PRIMARY), pair.vm(Role.PRIMARY)
        hosts = {role: pair.network.host(pair.host(role)) for role in Role}
        with small_buffers(*hosts.values()), Cut(Channel.COMPARE).inject(pair) as bite:
            for said in (_BEGUN, _WHOLE):
                with hosts[Role.SECONDARY].socket(socket.AF_INET, socket.SOCK_STREAM) as end:
                    end.connect((address, int(Channel.COMPARE)))
                    end.sendall(said)
            wait_until("a secondary to be connected", lambda: not is_cut(primary, "compare1"), timeout=_WITHIN)
            yield bite
