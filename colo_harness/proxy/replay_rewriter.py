"""Replaying: what a history did to a filter-rewriter is done again, in the same order."""

from collections.abc import Sequence

from colo_harness.errors import UsageError
from colo_harness.history import Entry
from colo_harness.proxy.bench import Bench
from colo_harness.proxy.rewriter import Rewriter
from colo_harness.proxy.session import Said

KIND = "filter-rewriter"
_AGAIN = "run its test again"


class RewriterReplay:
    """Does again on `bench` what `entries` tell of its filter-rewriter.

    Raises UsageError for what takes more than a bare QEMU: virtio-net headers and a pair.
    """

    def __init__(self, entries: Sequence[Entry], bench: Bench) -> None:
        self._entries = [entry for entry in entries if entry.kind in ("frame", "phase")]
        if any("header" in entry.data for entry in self._entries):
            raise UsageError("the frames of this history have virtio-net headers, which take a tap", _AGAIN)
        if any(entry.kind == "event" and entry.who == "primary" for entry in entries):
            raise UsageError("this history tells of a pair", _AGAIN)
        self._rewriter = Rewriter(bench)

    def run(self) -> None:
        """Do it. Raises UsageError for what was not recorded, and what a bench raises."""
        made = 0
        for entry in self._entries:
            if entry.kind == "frame" and entry.what == "in":
                self._frame(entry)
            elif entry.what in ("settled", "unsettled"):
                self._rewriter.settle()
            elif entry.what == "checkpointed":
                self._rewriter.checkpoint()
            elif entry.what == "switched":
                self._rewriter.switch(entry.data["status"])
            elif entry.what == "commanded":
                self._rewriter.command_vm(entry.data["command"])
            elif entry.what == "removed":
                self._rewriter.remove()
            elif entry.what == "made" and entry.data["kind"] == KIND:
                made += 1
                if made > 1:  # the first one is there
                    self._rewriter.add()

    def _frame(self, entry: Entry) -> None:
        if "hex" not in entry.data:
            raise UsageError(f"line {entry.line} tells of frames that it does not hold", _AGAIN)
        sent = bytes.fromhex(entry.data["hex"])
        said = Said(sent, bytes.fromhex(entry.data["due"])) if "due" in entry.data else sent
        (self._rewriter.client if entry.who == "client_in" else self._rewriter.guest)(said)
