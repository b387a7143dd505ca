"""The primary of a bench: a second bare QEMU, of whose machine, which has nothing, the bench's is the secondary."""

from collections.abc import Sequence
from typing import Any, Self

from colo_harness.errors import ProductFailure
from colo_harness.history import Entry
from colo_harness.proxy.bench import NAME, Bench
from colo_harness.qemu.bare import BareQemu
from colo_harness.wait import wait_until

INCOMING = ("-incoming", "defer")
"""Options of a bench that is to be a secondary."""
_NAME = "primary"
_NEVER_MS = 3_600_000


class Primary:
    """A primary whose secondary is the bench, once this has returned; leaving the context ends it.

    There is no memory and no device to replicate, so that all of it takes a tenth of a second. `capabilities` is the
    argument of `migrate-set-capabilities` that COLO wants. Raises LaunchFailure, CommandError, MonitorLost,
    WaitTimeout, ProductFailure.
    """

    def __init__(self, bench: Bench, capabilities: Sequence[dict[str, Any]]) -> None:
        self._bench = bench
        self._delay_ms = _NEVER_MS
        room = bench.room
        self._qemu = BareQemu(
            room.qemu,
            bench.folder,
            name=_NAME,
            loop=room.loop,
            guardian=room.guardian,
            timeouts=room.timeouts,
            history=bench.history,
        )
        try:
            self._replicate(list(capabilities))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._qemu.__exit__()

    def _replicate(self, capabilities: list[dict[str, Any]]) -> None:
        uri = f"unix:{self._bench.folder / 'migration.sock'}"
        for qemu in (self._bench.qemu, self._qemu):
            qemu.execute("migrate-set-capabilities", {"capabilities": capabilities})
        self._qemu.execute("migrate-set-parameters", {"x-checkpoint-delay": self._delay_ms})
        self._bench.qemu.execute("migrate-incoming", {"uri": uri})
        self._qemu.execute("migrate", {"uri": uri})
        wait_until("the pair without a guest to replicate", self._status, timeout=self._bench.timeouts.command)
        if (status := self._status()) != "colo":
            raise ProductFailure(f"a pair without a guest went to {status}, not to colo")
        self._become("secondary")

    def _status(self) -> str | None:
        """Return the migration's status once it is one that stays."""
        status = self._qemu.execute("query-migrate").get("status")
        return status if status in ("colo", "completed", "failed", "cancelled") else None

    def _become(self, mode: str) -> None:
        ask = self._bench.qemu.execute
        wait_until(
            f"the bench's query-colo-status to say {mode}",
            lambda: ask("query-colo-status")["mode"] == mode,
            timeout=self._bench.timeouts.command,
        )

    def _await(self, event: str, since: int) -> Entry:
        def told(entry: Entry) -> bool:
            return (entry.kind, entry.who, entry.what) == ("event", NAME, event)

        timeout = self._bench.timeouts.command
        return self._bench.history.wait_for(f"{event} of the secondary", told, since=since, timeout=timeout)

    def checkpoint(self) -> None:
        """Take a checkpoint, which a new x-checkpoint-delay does at once."""
        since = self._bench.history.cursor()
        self._delay_ms -= 1
        self._qemu.execute("migrate-set-parameters", {"x-checkpoint-delay": self._delay_ms})
        self._await("RESUME", since)
        self._bench.history.record("phase", NAME, "checkpointed")

    def lose(self) -> None:
        """Kill the primary, and tell the bench's QEMU that it is alone, and wait until it is."""
        history, qemu = self._bench.history, self._bench.qemu
        history.record("phase", NAME, "failover", allows=["colo-exit-error", "stderr-migration"])
        self._qemu.process.kill()
        qemu.execute("x-colo-lost-heartbeat")
        self._become("none")
        history.record("phase", NAME, "promoted")
