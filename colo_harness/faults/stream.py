"""What goes wrong with the checkpoint stream at an exact place: where `pair.hold` has held it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from colo_harness.colo.message import Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.relay import Relay
from colo_harness.errors import MachineError, UsageError, WaitTimeout
from colo_harness.faults.fault import Bite
from colo_harness.faults.loss import PEER_LOST
from colo_harness.wait import wait_until

_HEALS_WITHIN = 10.0


@dataclass(frozen=True)
class Sever:
    """The stream breaks before what is held has passed, while both sides live and all other streams are sound."""

    allows = PEER_LOST

    def __str__(self) -> str:
        return "sever"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Close both connections; the relay says when it has. A resume makes a new stream. Raises MachineError."""
        part = _held(pair.relays.checkpoint)
        pair.relays.checkpoint.cut()
        yield {"part": part}


@dataclass(frozen=True)
class Stall:
    """From what is held on nothing passes either way any more, not even that one side has died."""

    allows = PEER_LOST

    def __str__(self) -> str:
        return "stall"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Let the relay keep all that comes; in the end something passes, or a side is gone. Raises MachineError."""
        relay = pair.relays.checkpoint
        part = _held(relay)
        relay.stall()
        relay.release()
        before = len(relay.passed)
        try:
            yield {"part": part}
            if len(relay.passed) != before:
                raise MachineError(f"{relay.passed[-1]} passed a stalled stream", "please report this as a bug")
        finally:
            relay.unstall()
        _await(f"{part} to pass, or the stream to end", relay, before)


@dataclass(frozen=True)
class Slow:
    """From what is held on only `rate` bytes pass in a second, either way."""

    rate: int

    allows = ()

    def __str__(self) -> str:
        return f"slow-{self.rate}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Slow it down; it has bitten once something has passed so. Raises WaitTimeout, MachineError."""
        relay = pair.relays.checkpoint
        part = _held(relay)
        before = len(relay.passed)
        relay.slow(self.rate)
        relay.release()
        try:
            _await(f"{part} to pass", relay, before)
            yield {"part": part}
        finally:
            relay.slow(None)


@dataclass(frozen=True)
class Flip:
    """The byte at `offset` of `part` arrives inverted; hold that part first."""

    part: Message
    offset: int

    allows = ("stderr", *PEER_LOST)

    def __str__(self) -> str:
        return f"flip-{self.part}-{self.offset}"

    @contextmanager
    def inject(self, pair: ColoPair) -> Iterator[Bite]:
        """Let the part pass with its byte changed, which the relay tells. Raises MachineError.

        Enters once COLO has ended on a side or a side has died of it, or well after either was due.
        """
        relay = pair.relays.checkpoint
        if (held := _held(relay)) is not self.part:
            raise UsageError(f"{self} falls at {self.part}, and {held} is held", f"call pair.hold({self.part!r}) first")
        relay.flip(self.part, self.offset)
        relay.release()
        relay.wait_flipped(timeout=_HEALS_WITHIN)
        with suppress(WaitTimeout):
            wait_until("COLO to end", lambda: _has_ended(pair), timeout=pair.timeouts.late)
        yield {"part": self.part}


def _has_ended(pair: ColoPair) -> bool:
    told = any(entry.kind == "event" and entry.what == "COLO_EXIT" for entry in pair.history.entries)
    return told or not all(vm.alive for vm in pair.vms)


def _await(what: str, relay: Relay, before: int) -> None:
    wait_until(what, lambda: relay.over or len(relay.passed) > before, timeout=_HEALS_WITHIN)


def _held(relay: Relay) -> Message:
    if relay.held is None:
        raise UsageError("a fault of the stream falls where it is held, and it is not", "call pair.hold(…) first")
    return relay.held
