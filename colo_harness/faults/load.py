"""What a turn's clients do, besides the sessions that live through all turns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice

from colo_harness.faults.moments.transfer import BULK
from colo_harness.traffic.client import Client
from colo_harness.traffic.session import Session

MANY = 16
"""Sessions of a load of many."""


Opener = Callable[[], Session]


@dataclass(frozen=True)
class Load:
    """Sessions that are opened for one turn, each by a call of its own, and closed in it."""

    name: str
    openers: Callable[[Client], Iterable[Opener]]

    def __str__(self) -> str:
        return self.name


def _sessions(client: Client) -> Iterable[Opener]:
    return (
        client.echo,
        client.download,
        client.half_closed_download,
        client.upload,
        client.http,
        client.counter,
        client.log,
    )


def _many(client: Client) -> Iterable[Opener]:
    return islice(cycle((client.echo, client.http, client.counter, client.udp_echo, client.ping)), MANY)


def _downloads(client: Client) -> Iterable[Opener]:
    return (partial(client.download, size=BULK, pause=0), partial(client.half_closed_download, size=BULK, pause=0))


PINGS = (Load("many", _many), Load("datagrams", lambda client: (client.udp_echo, client.ping)))
"""With ICMP, whose checksum no kernel looks at before a raw socket gets an answer."""
UPLOADS = Load("uploads", lambda client: (partial(client.upload, size=BULK),) * 2)
LOADS: tuple[Load, ...] = (
    Load("nothing", lambda _client: ()),
    Load("sessions", _sessions),
    *PINGS,
    Load("differences", lambda client: (client.differ,) * 2),
    Load("downloads", _downloads),
    UPLOADS,
)
"""What schedules draw from."""
