"""Replaying filters: what a history did to those of a netdev is done again, in the same order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from colo_harness.history import Entry, History
from colo_harness.proxy.bench import Bench, Benchroom
from colo_harness.proxy.listener import Listener
from colo_harness.proxy.netdev import GUEST, NETDEV, Netdev
from colo_harness.proxy.port import Port
from colo_harness.proxy.tapped import FROM_GUEST, GUEST_IN, TO_GUEST, on_a_tap
from colo_harness.proxy.wire import Packet

PATIENCE = 3
"""Seconds in which the monitor answers where it was asked."""


def header_of(entries: Sequence[Entry]) -> int | None:
    """Return the length of the virtio-net headers of a history's netdev; None where it tells of no netdev."""
    headers = [int(entry.data["header"]) for entry in entries if (entry.kind, entry.what) == ("phase", "netdev")]
    return headers[0] if headers else None


@contextmanager
def on_a_netdev(room: Benchroom, folder: Path, history: History, header: int) -> Iterator[Netdev]:
    """Yield a netdev of this length of header on a bench of its own. Raises as Netdev, Tapped and Bench do."""
    if header:
        with on_a_tap(room, folder, history, header) as tapped:
            yield tapped
    else:
        with Bench(room, folder, history) as bench:
            yield Netdev(bench)


class FilterReplay:
    """Does again on `netdev`, which is like theirs, what `entries` tell."""

    def __init__(self, entries: Sequence[Entry], netdev: Netdev) -> None:
        self._entries = entries
        self._netdev = netdev
        self._bench = netdev.bench
        self._ports: dict[str, Port] = {port.name: port for port in self._bench.ports}
        self._steps: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "chardev": lambda data: self._make_port(data, partial(netdev.chardev, connected=False)),
            "listener": lambda data: self._make_port(data, partial(Listener, netdev.bench)),
            "reconnected": lambda data: self._ports[data["port"]].hang_up(),
            "connected": lambda data: self._on(data, self._bench.connect),
            "disconnected": lambda data: self._on(data, self._bench.disconnect),
            "made": self._make,
            "removed": lambda data: self._bench.remove(data["object"]),
            "switched on": lambda data: self._bench.switch(data["object"], on=True),
            "switched off": lambda data: self._bench.switch(data["object"], on=False),
            "stalled": lambda data: self._on(data, self._bench.stall),
            "read again": lambda data: self._on(data, self._bench.unstall),
            "filled": lambda _: netdev.fill(),
            "settled": lambda _: netdev.settle(),
            "unsettled": lambda _: netdev.settle(),
        }

    def run(self) -> None:
        """Do it. Raises what a bench raises."""
        for entry in self._entries:
            if entry.kind == "phase" and entry.what in self._steps:
                self._steps[entry.what](entry.data)
            elif (entry.kind, entry.what) == ("frame", "in"):
                self._frame(entry)
            elif (entry.kind, entry.what) == ("observe", "monitor"):
                self._bench.ask_monitor(entry.data["moment"], timeout=PATIENCE)

    def _make_port(self, data: Mapping[str, Any], make: Callable[..., Port]) -> None:
        self._ports[data["port"]] = make(data["port"], letter=data["letter"], vnet=data["vnet"])

    def _on(self, data: Mapping[str, Any], do: Callable[[Port], None]) -> None:
        if data["port"] not in (NETDEV, GUEST, GUEST_IN):
            do(self._ports[data["port"]])

    def _make(self, data: Mapping[str, Any]) -> None:
        if data["object"] not in (TO_GUEST, FROM_GUEST):
            self._bench.make(data["kind"], data["object"], data["properties"])

    def _frame(self, entry: Entry) -> None:
        port, told = self._ports[entry.who], entry.data
        if "raw" in told:
            port.put_raw(bytes.fromhex(told["raw"]))
        else:
            port.put(Packet(bytes.fromhex(told["hex"]), bytes.fromhex(told.get("header", ""))))
