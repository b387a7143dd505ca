"""Every fault of networks and hosts here, by what it leaves of a pair."""

from typing import get_args

from colo_harness.faults.fault import Fault
from colo_harness.faults.host import HostDeath
from colo_harness.faults.impaired import BadLink
from colo_harness.faults.partition import How, Partition, Unplugged
from colo_harness.faults.slow import Slow
from colo_harness.machine.fates import Impairment
from colo_harness.qemu.topology import Channel, Role

LOSS, TWICE, LATE, SPOILT = Impairment(loss=3), Impairment(duplicate=5), Impairment(reorder=5), Impairment(corrupt=3)
ALL_AT_ONCE = Impairment(loss=2, duplicate=2, reorder=2, corrupt=2)
FAR, NARROW = Impairment(delay_ms=30, jitter_ms=10), Impairment(mbit=20)

SILENCES = tuple(
    Partition(channel, unheard, how)
    for channel in (*Channel, None)
    for unheard in (None, *Role)
    for how in get_args(How)
)
"""After these, as after the loss of a side, one must be fenced and the other go on, by an out-of-band yank."""
DEATHS = tuple(map(HostDeath, Role))
"""After these the other host goes on, by an out-of-band yank."""
BLIPS: tuple[Fault, ...] = (*map(Partition, (*Channel, None)), Unplugged("client"), *map(Unplugged, Role))
"""A pair is still one when these were healed before long; in the meantime its sessions may stand still."""
STRAINS: tuple[Fault, ...] = (
    *(BadLink("client", bad) for bad in (LOSS, TWICE, LATE, SPOILT, ALL_AT_ONCE)),
    *(BadLink("colo", bad) for bad in (FAR, NARROW)),
    Slow(Role.SECONDARY),
)
"""A pair and its sessions go on under these."""
ALL: tuple[Fault, ...] = (*SILENCES, *DEATHS, *BLIPS, *STRAINS)
