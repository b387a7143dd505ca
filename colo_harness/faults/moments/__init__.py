"""Moments in a pair's life at which a fault may fall."""

from colo_harness.faults.moments.amid import AMID, Amid
from colo_harness.faults.moments.failing_over import IN_FAILOVER, TOLD_FIRST, InFailover
from colo_harness.faults.moments.forced import FORCED_AFTER_COMMIT, FORCED_BEFORE_COMMIT
from colo_harness.faults.moments.held import AFTER_COMMIT, BEFORE_COMMIT, Held
from colo_harness.faults.moments.idle import IDLE, Idle
from colo_harness.faults.moments.moment import Moment
from colo_harness.faults.moments.queued import AT_FIN, AT_SYN, DATAGRAMS_QUEUED, FRAMES_QUEUED
from colo_harness.faults.moments.resyncing import IN_RESYNC
from colo_harness.faults.moments.standstill import Standstill
from colo_harness.faults.moments.starting import AT_READY, BEFORE_LISTENING, IN_DEVICE_STATE, IN_FIRST_PASS
from colo_harness.faults.moments.transfer import IN_TRANSFER, InTransfer

MOMENTS: tuple[Moment, ...] = (IDLE, BEFORE_COMMIT, AFTER_COMMIT, IN_TRANSFER)
"""Idle, stopped before the commit (VMSTATE_RECEIVED), stopped after it, and in mid-transfer."""

CONNECTIONS: tuple[Moment, ...] = (FRAMES_QUEUED, AT_SYN, AT_FIN)
"""With answers to data, to a SYN and to a FIN in colo-compare, of which the secondary has heard nothing."""
FORCED: tuple[Moment, ...] = (FORCED_BEFORE_COMMIT, FORCED_AFTER_COMMIT)
"""In a checkpoint that an answer forced, on either side of the commit."""
STARTS: tuple[Moment, ...] = (IN_FIRST_PASS, IN_DEVICE_STATE, AT_READY)
"""In the first pass over the memory, in the devices' state, at the first CHECKPOINT_READY."""

__all__ = [
    "AFTER_COMMIT",
    "AMID",
    "AT_FIN",
    "AT_READY",
    "AT_SYN",
    "BEFORE_COMMIT",
    "BEFORE_LISTENING",
    "CONNECTIONS",
    "DATAGRAMS_QUEUED",
    "FORCED",
    "FORCED_AFTER_COMMIT",
    "FORCED_BEFORE_COMMIT",
    "FRAMES_QUEUED",
    "IDLE",
    "IN_DEVICE_STATE",
    "IN_FAILOVER",
    "IN_FIRST_PASS",
    "IN_RESYNC",
    "IN_TRANSFER",
    "MOMENTS",
    "STARTS",
    "TOLD_FIRST",
    "Amid",
    "Held",
    "Idle",
    "InFailover",
    "InTransfer",
    "Moment",
    "Standstill",
]
