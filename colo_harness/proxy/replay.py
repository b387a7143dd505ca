"""Replaying: what a history did to a colo-compare is done again, in the same order and with the same pauses."""

from collections.abc import Sequence
from itertools import pairwise

from colo_harness.errors import UsageError
from colo_harness.history import Entry
from colo_harness.proxy.bench import Bench
from colo_harness.proxy.compare import DONE, Compare
from colo_harness.proxy.port import Port
from colo_harness.proxy.wire import Packet

PAUSE = 0.02
"""Seconds from which on a gap between two entries is kept: less is what the work itself took."""
_WIRING = {"iothread", "primary_in", "secondary_in", "outdev", "notify_dev"}


class Replay:
    """Does again on `bench` what `entries` tell of its colo-compares. Raises UsageError where they tell of none."""

    def __init__(self, entries: Sequence[Entry], bench: Bench) -> None:
        self._bench = bench
        self._entries = [entry for entry in entries if entry.kind in ("frame", "phase")]
        self._compares: dict[str, Compare] = {}
        if not any(entry.data.get("kind") == "colo-compare" for entry in self._entries):
            raise UsageError("this history tells of no bench", "take one of a bench in suites/proxy")

    def run(self) -> None:
        """Do it. Raises UsageError for what was not recorded, and what a bench raises."""
        for entry, following in pairwise([*self._entries, self._entries[-1]]):
            if entry.kind == "phase":
                self._phase(entry)
            elif entry.what == "in":
                self._frame(entry)
            if following.at - entry.at > PAUSE:
                self._bench.pump(lambda: False, following.at - entry.at)

    def _phase(self, entry: Entry) -> None:
        suffix = str(entry.data.get("object", "comp0")).removeprefix("comp").replace("0", "")
        if entry.what == "made":
            self._make(suffix, entry)
        elif entry.what == "removed":
            self._compares[suffix].remove()
        elif entry.what in ("settled", "unsettled"):
            self._compares[suffix].settle()
        elif entry.what == "reconnected":
            self._bench.reconnect(self._port(entry.data["port"]))

    def _make(self, suffix: str, entry: Entry) -> None:
        if suffix in self._compares:
            self._compares[suffix].add()
            return
        headers = [len(one.data["header"]) // 2 for one in self._entries if "header" in one.data]
        properties = {name: value for name, value in entry.data["properties"].items() if name not in _WIRING}
        self._compares[suffix] = Compare(self._bench, properties, header=max(headers, default=0), suffix=suffix)

    def _frame(self, entry: Entry) -> None:
        if "raw" in entry.data:
            self._port(entry.who).put_raw(bytes.fromhex(entry.data["raw"]))
            return
        if "hex" not in entry.data:
            remedy = "run its test again: a flood is not recorded frame by frame"
            raise UsageError(f"line {entry.line} tells of frames that it does not hold", remedy)
        frame = bytes.fromhex(entry.data["hex"])
        port, suffix = entry.who.rstrip("0123456789"), entry.who.lstrip("abcdefghijklmnopqrstuvwxyz_")
        compare, packet = self._compares[suffix], Packet(frame, bytes.fromhex(entry.data.get("header", "")))
        if port == "primary_in":
            compare.primary(packet)
        elif port == "secondary_in":
            compare.secondary(packet)
        elif frame == DONE:
            compare.tell_done()

    def _port(self, name: str) -> Port:
        return next(port for port in self._bench.ports if port.name == name)
