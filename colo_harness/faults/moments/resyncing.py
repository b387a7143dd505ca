"""While the survivor's disk is copied to the new secondary's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from colo_harness.colo import procedure
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.moments.moment import DEADLINE_S
from colo_harness.judge.resuming import FellWhileResyncing
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.wait import wait_until

TRICKLE = 1 << 20
"""Bytes a second at which the copy takes a minute."""


@dataclass(frozen=True)
class Resyncing:
    """The copy has begun and is far from its end."""

    proof = FellWhileResyncing()

    def __str__(self) -> str:
        return "in-resync"

    @contextmanager
    def reached(self, pair: ColoPair, client: Client) -> Iterator[None]:  # noqa: ARG002 - every moment's signature
        """Let a pair that was left by one side begin to resume. Raises WaitTimeout."""
        pair.ready_resync()
        primary = pair.vm(Role.PRIMARY)
        procedure.mirror_disk(primary, pair.address(Role.SECONDARY), speed=TRICKLE)

        def under_way() -> bool:
            jobs: list[dict[str, Any]] = primary.execute("query-block-jobs")
            return any(0 < job["offset"] < job["len"] and not job["ready"] for job in jobs)

        wait_until("some of the disk to be copied", under_way, timeout=DEADLINE_S)
        pair.history.record("phase", "pair", "resyncing")
        yield


IN_RESYNC = Resyncing()
