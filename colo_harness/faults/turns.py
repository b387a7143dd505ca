"""Turns: one side after the other is lost, and the pair made whole again each time."""

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.qemu.topology import Role
from colo_harness.traffic.crowd import Crowd

CHECKPOINTS = 2
"""So many follow each resume before the next side is lost."""
ANSWERS = 3
"""So many each session gets before a loss, between failover and resume, and after it."""


def take_turns(pair: ColoPair, nemesis: Nemesis, crowd: Crowd, *, first: Role, count: int) -> None:
    """Lose the `first` role, then the other one, `count` losses in all, while the crowd works.

    After each the survivor carries on, gets a new secondary and replicates again; then both disks are compared.
    Raises ProductFailure.
    """
    lost = first
    for number in range(1, count + 1):
        crowd.let_answer(ANSWERS)
        nemesis.inject(Kill(lost))
        pair.failover_to(lost.peer)
        crowd.let_answer(ANSWERS)
        pair.resume()
        with pair.watching():
            pair.let_checkpoints_come(CHECKPOINTS)
        with crowd.resting():
            disks.compare(pair, f"turn {number}")
        crowd.let_answer(ANSWERS)
        lost = lost.peer
