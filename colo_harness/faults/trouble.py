"""What may go wrong in a turn of a schedule: a fault, and who carries on after it."""

from dataclasses import dataclass

from colo_harness.faults.cut import Cut
from colo_harness.faults.fault import Fault
from colo_harness.faults.loss import Freeze, Kill
from colo_harness.faults.nap import Nap
from colo_harness.qemu.topology import Channel, Role


@dataclass(frozen=True)
class Trouble:
    """A fault, after which `survivor` carries on alone; None where the pair stays a pair.

    The survivor's peer is fenced, or else its streams to it are yanked.
    """

    name: str
    fault: Fault
    survivor: Role | None = None
    fenced: bool = True

    def __str__(self) -> str:
        return self.name


def _lost(loss: Kill | Freeze) -> Trouble:
    return Trouble(str(loss), loss, loss.role.peer)


def _hung(role: Role) -> Trouble:
    return Trouble(f"freeze-{role}:yanked", Freeze(role), role.peer, fenced=False)


def _parted(fault: Fault, survivor: Role) -> Trouble:
    return Trouble(f"{fault}:{survivor}", fault, survivor)


def _healed(fault: Fault) -> Trouble:
    return Trouble(str(fault), fault)


TROUBLES: tuple[Trouble, ...] = (
    *(_lost(loss(role)) for loss in (Kill, Freeze) for role in Role),
    *(_hung(role) for role in Role),
    *(_parted(Cut(Channel.CHECKPOINT), role) for role in Role),
    _parted(Cut(Channel.NBD), Role.PRIMARY),
    _healed(Cut(Channel.MIRROR)),
    _healed(Cut(Channel.COMPARE)),
    *(_healed(Nap(role)) for role in Role),
)
"""What schedules draw from: whoever writes a fault adds it here.

A pair whose NBD stream is cut is no pair any more, and only its primary knows the whole disk. The other two streams of
the proxy are made anew by the secondary's QEMU.
"""
