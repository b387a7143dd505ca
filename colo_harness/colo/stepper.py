"""A stepper: walks a checkpoint of a relayed pair from part to part."""

from colo_harness.colo.message import OF_SECONDARY, TRANSACTION, Message
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import UsageError
from colo_harness.qemu.topology import Role


class Stepper:
    """Holds the stream before each part in turn; nothing else stands still but what COLO itself stops."""

    def __init__(self, pair: ColoPair) -> None:
        self._pair = pair
        self._since = 0

    @property
    def stands_at(self) -> Message | None:
        """The part that is to pass next, None where no checkpoint stands."""
        return self._pair.relays.checkpoint.held

    def step(self, to: Message | None = None) -> list[Message]:
        """Let the next part pass, or all that come before `to`; return them. Without a checkpoint one is asked for.

        Raises UsageError, WaitTimeout.
        """
        begun = self.stands_at or self._begin()
        if to and TRANSACTION.index(to) < TRANSACTION.index(begun):
            raise UsageError(f"{to} has passed in this checkpoint; {begun} is next", "end it: `colo pair step --end`")
        at: Message | None = begun
        passed: list[Message] = []
        while at and at is not to and not (passed and to is None):
            passed.append(at)
            at = self._pass(at)
        return passed

    def end(self) -> None:
        """Let the checkpoint go on to its end. Raises UsageError, WaitTimeout."""
        if self.stands_at is None:
            raise UsageError("no checkpoint stands still", "`colo pair step` begins one and takes its first step")
        self._finish()

    def endpoints(self, part: Message) -> tuple[str, str]:
        """Return from which host to which one a part goes."""
        sender = Role.SECONDARY if part in OF_SECONDARY else Role.PRIMARY
        return self._pair.host(sender), self._pair.host(sender.peer)

    def _begin(self) -> Message:
        self._since = self._pair.history.cursor()
        self._pair.hold(TRANSACTION[0])
        return TRANSACTION[0]

    def _pass(self, at: Message) -> Message | None:
        """Let what stands there pass; return what stands there next, None at the end of the checkpoint."""
        if at is TRANSACTION[-1]:
            self._finish()
            return None
        relay = self._pair.relays.checkpoint
        relay.hold(*TRANSACTION)
        relay.advance()
        return self._pair.relays.await_held(timeout=self._pair.timeouts.checkpoint)

    def _finish(self) -> None:
        self._pair.relays.checkpoint.release()
        for vm in self._pair.vms:
            vm.await_event("RESUME", since=self._since, timeout=self._pair.timeouts.checkpoint)
