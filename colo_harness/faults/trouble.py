"""What may go wrong in a turn of a schedule: a fault, and who carries on after it."""

from dataclasses import dataclass

from colo_harness.faults.cut import Cut
from colo_harness.faults.fault import Fault
from colo_harness.faults.host import HostDeath
from colo_harness.faults.loss import Freeze, Kill, Quit
from colo_harness.faults.nap import Nap
from colo_harness.faults.network import BLIPS, DEATHS, SILENCES, STRAINS
from colo_harness.faults.partition import Partition, Unplugged
from colo_harness.faults.slow import Slow
from colo_harness.qemu.topology import Channel, Role


@dataclass(frozen=True)
class Trouble:
    """A fault, after which `survivor` carries on alone; None where the pair stays a pair.

    The survivor's peer is fenced, or else its streams to it are yanked; both where the network keeps it from hearing
    that its peer is dead.
    """

    name: str
    fault: Fault
    survivor: Role | None = None
    fenced: bool = True
    unheard: bool = False

    def __str__(self) -> str:
        return self.name


def _lost(loss: Kill | Freeze | Quit) -> Trouble:
    return Trouble(str(loss), loss, loss.role.peer)


def _hung(role: Role) -> Trouble:
    return Trouble(f"freeze-{role}:yanked", Freeze(role), role.peer, fenced=False)


def _vanished(death: HostDeath) -> Trouble:
    return Trouble(str(death), death, death.role.peer, fenced=False)


def _parted(fault: Fault, survivor: Role) -> Trouble:
    return Trouble(f"{fault}:{survivor}", fault, survivor)


def _silenced(fault: Partition | Unplugged, survivor: Role) -> Trouble:
    return Trouble(f"{fault}:{survivor}", fault, survivor, fenced=False, unheard=True)


def _leaves(silence: Partition, survivor: Role) -> bool:
    """Tell whether this survivor can carry on then; of one stream alone, only both ways are drawn."""
    broken = silence.channel is Channel.NBD and silence.how == "reject"
    return not (broken and survivor is Role.SECONDARY) and not (silence.channel and silence.unheard)


def _healed(fault: Fault) -> Trouble:
    return Trouble(str(fault), fault)


TROUBLES: tuple[Trouble, ...] = (
    *(_lost(loss(role)) for loss in (Kill, Freeze, Quit) for role in Role),
    *(_hung(role) for role in Role),
    *map(_vanished, DEATHS),
    *(_parted(Cut(Channel.CHECKPOINT), role) for role in Role),
    _parted(Cut(Channel.NBD), Role.PRIMARY),
    _healed(Cut(Channel.MIRROR)),
    _healed(Cut(Channel.COMPARE)),
    *(_silenced(each, role) for each in SILENCES for role in Role if _leaves(each, role)),
    _silenced(Unplugged(Role.PRIMARY), Role.SECONDARY),
    *(_healed(Nap(role)) for role in Role),
    *map(_healed, BLIPS),
    *map(_healed, STRAINS),
    _healed(Slow(Role.PRIMARY)),
)
"""What schedules draw from: whoever writes a fault adds it here.

A pair whose NBD stream is cut is no pair any more, and only its primary knows the whole disk. The other two streams of
the proxy are made anew by the secondary's QEMU. Partitions are those of one stream, both ways, and of all, each way.
"""
