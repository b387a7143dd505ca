"""A detour: what two links of a namespace say to each other passes through us, late or never."""

import heapq
import random
import select
import socket
import threading
import time
from itertools import count
from types import TracebackType
from typing import Self

from colo_harness.machine.namespace import Namespace

_EVERYTHING = 0x0300  # ETH_P_ALL in network order (packet(7))
_SOL_PACKET, _PACKET_VNET_HDR = 263, 15  # linux/socket.h, linux/if_packet.h: checksums may be left to the next card
_LONGEST = 65_600
_GLANCE_S = 0.05


class Detour:
    """Carries frames between `links`, each up to `late_s` seconds late, so that they overtake one another.

    A share of `lost` goes nowhere. Both links must be in no bridge. Leaving the context ends it; frames under way are
    dropped.
    """

    def __init__(self, place: Namespace, links: tuple[str, str], *, late_s: float, lost: float, seed: int) -> None:
        self.carried = self.dropped = 0
        self.latest_s = 0.0
        """The longest that a frame was held up."""
        self._late_s, self._lost = late_s, lost
        self._random = random.Random(seed)  # noqa: S311 - chance, not secrets
        self._ends = [_end(place, link) for link in links]
        self._over = threading.Event()
        self._under_way: list[tuple[float, int, socket.socket, bytes]] = []
        self._numbers = count()
        self._thread = threading.Thread(target=self._carry, name="detour", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for end in self._ends:
            end.close()

    def _carry(self) -> None:
        while not self._over.is_set():
            due = self._under_way[0][0] - time.monotonic() if self._under_way else _GLANCE_S
            for end in select.select(self._ends, [], [], min(max(due, 0), _GLANCE_S))[0]:
                self._take(end)
            while self._under_way and self._under_way[0][0] <= time.monotonic():
                *_, other, frame = heapq.heappop(self._under_way)
                other.send(frame)
                self.carried += 1

    def _take(self, end: socket.socket) -> None:
        frame, address = end.recvfrom(_LONGEST)
        if address[2] == socket.PACKET_OUTGOING:
            return
        if self._random.random() < self._lost:
            self.dropped += 1
            return
        late = self._random.uniform(0, self._late_s)
        self.latest_s = max(self.latest_s, late)
        other = next(one for one in self._ends if one is not end)
        heapq.heappush(self._under_way, (time.monotonic() + late, next(self._numbers), other, frame))


def _end(place: Namespace, link: str) -> socket.socket:
    end = place.socket(socket.AF_PACKET, socket.SOCK_RAW, _EVERYTHING)
    end.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    end.bind((link, 0))
    return end
