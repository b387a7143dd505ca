"""A chain of filters that changes at random, and where the frames that meet it have to go."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from colo_harness.proxy.netdev import GUEST, NETDEV, Netdev
from colo_harness.proxy.noise import noise
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet

MOST = 8
"""Filters at a time."""
END = {"tx": GUEST, "rx": NETDEV}


@dataclass
class Link:
    """A filter of the chain: `indev` and `outdev` are its ports, where it has any."""

    name: str
    kind: str
    queue: str
    on: bool
    indev: Port | None
    outdev: Port | None

    def meets(self, way: str) -> bool:
        """Tell whether it has to do with frames of this queue."""
        return self.on and self.queue in (way, "all")

    @property
    def ways(self) -> tuple[str, ...]:
        """The queues that it sits on."""
        return tuple(END) if self.queue == "all" else (self.queue,)


@dataclass
class Chain:
    """What is on the netdev, from head to tail; `steps` are what `Routed` is to see."""

    netdev: Netdev
    rng: random.Random
    steps: list[str] = field(default_factory=list)
    _links: list[Link] = field(default_factory=list)
    _made: int = 0

    def live(self, steps: int) -> None:
        """Change, and send a frame by some way, so often."""
        for number in range(steps):
            change = self.rng.choice([self._put, self._take, self._switch, self._switch])
            if self._links or change == self._put:
                change()
            self._send(noise(60 + number % 1000, number))

    def _put(self) -> None:
        if len(self._links) == MOST:
            return
        self._made += 1
        number = self._made
        kind, shape = self.rng.choice([("mirror", "o"), ("redirector", "o"), ("redirector", "i"), ("redirector", "io")])
        letter = f"i{chr(97 + number // 26)}{chr(97 + number % 26)}"
        indev = self.netdev.chardev(f"i{number}", letter=letter) if "i" in shape else None
        outdev = self.netdev.chardev(f"o{number}") if "o" in shape else None
        queue, on = self.rng.choice(("tx", "rx", "all")), self.rng.random() < 0.7
        link = Link(f"f{number}", kind, queue, on, indev, outdev)
        ends = {way: port.name for way, port in (("indev", indev), ("outdev", outdev)) if port}
        place, where = self._place()
        told = {"queue": queue, "status": "on" if on else "off", **ends, **where}
        self.netdev.filter(kind, link.name, **told)
        self._links.insert(place, link)

    def _place(self) -> tuple[int, dict[str, str]]:
        """Return a place in the list, and how QEMU is told of it."""
        places = [(0, {"position": "head"}), (len(self._links), {"position": "tail"}), (len(self._links), {})]
        for at, link in enumerate(self._links):
            there = {"position": f"id={link.name}"}
            places += [(at, {**there, "insert": "before"}), (at + 1, {**there, "insert": "behind"}), (at + 1, there)]
        return self.rng.choice(places)

    def _take(self) -> None:
        self.netdev.bench.remove(self._links.pop(self.rng.randrange(len(self._links))).name)

    def _switch(self) -> None:
        link = self.rng.choice(self._links)
        link.on = not link.on
        self.netdev.bench.switch(link.name, on=link.on)

    def _send(self, frame: bytes) -> None:
        """Let a frame in at either end or at an indev that is heard, and tell where it has to go."""
        heard = [link for link in self._links if link.indev and link.on]
        source = self.rng.choice([NETDEV, GUEST, *heard])
        if isinstance(source, Link) and source.indev:
            name = source.indev.put(Packet(frame))
            ports = [port for way in source.ways for port in self._behind(source, way)]
        else:
            port, way = (self.netdev.net, "tx") if source == NETDEV else (self.netdev.guest, "rx")
            name = port.put(Packet(frame))
            ports = list(self._pass(self._in_order(way), way))
        self.netdev.settle()
        self.steps.append(" ".join(f"{port}:{name}" for port in ports))

    def _in_order(self, way: str) -> list[Link]:
        return self._links if way == "tx" else self._links[::-1]

    def _behind(self, link: Link, way: str) -> Iterator[str]:
        order = self._in_order(way)
        return self._pass(order[order.index(link) + 1 :], way)

    @staticmethod
    def _pass(links: Iterable[Link], way: str) -> Iterator[str]:
        """Yield the ports at which a frame comes out that meets these filters."""
        for link in links:
            if link.meets(way) and link.outdev:
                yield link.outdev.name
                if link.kind == "redirector":
                    return
        yield END[way]
