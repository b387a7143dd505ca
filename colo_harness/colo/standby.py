"""A secondary that does not run: its disk is replicated and checkpointed, its guest waits (docs/block-replication.txt).

The steps stand in for those of COLO, which starts, checkpoints and ends block replication by itself.
"""

from typing import TYPE_CHECKING

from colo_harness.colo import procedure, start
from colo_harness.qemu.topology import Role

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair


def replicate(pair: "ColoPair") -> None:
    """Start both sides and replication, on the secondary first, and let the primary's guest alone run."""
    pair.carry_out(start.STEPS)
    for role in (Role.SECONDARY, Role.PRIMARY):
        pair.vm(role).execute("xen-set-replication", {"enable": True, "primary": role is Role.PRIMARY})
    procedure.let_guest_run(pair.vm(Role.PRIMARY))


def checkpoint(pair: "ColoPair") -> None:
    """Tell both sides that a checkpoint is done."""
    for role in Role:
        pair.vm(role).execute("xen-colo-do-checkpoint")
    pair.history.record("phase", "pair", "checkpoint")


def promote(pair: "ColoPair") -> None:
    """Let the secondary have the disk of the last checkpoint for its own."""
    vm = pair.vm(Role.SECONDARY)
    procedure.stop_serving(vm)
    vm.execute("xen-set-replication", {"enable": False, "primary": False, "failover": True})
