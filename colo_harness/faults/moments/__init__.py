"""Moments in a pair's life at which a fault may fall."""

from colo_harness.faults.moments.amid import AMID, Amid
from colo_harness.faults.moments.held import AFTER_COMMIT, BEFORE_COMMIT, Held
from colo_harness.faults.moments.idle import IDLE, Idle
from colo_harness.faults.moments.moment import Moment
from colo_harness.faults.moments.resyncing import IN_RESYNC
from colo_harness.faults.moments.standstill import Standstill
from colo_harness.faults.moments.starting import AT_READY, BEFORE_LISTENING, IN_DEVICE_STATE, IN_FIRST_PASS
from colo_harness.faults.moments.transfer import IN_TRANSFER, InTransfer

MOMENTS: tuple[Moment, ...] = (IDLE, BEFORE_COMMIT, AFTER_COMMIT, IN_TRANSFER)
"""Idle, stopped before the commit (VMSTATE_RECEIVED), stopped after it, and in mid-transfer."""

STARTS: tuple[Moment, ...] = (IN_FIRST_PASS, IN_DEVICE_STATE, AT_READY)
"""In the first pass over the memory, in the devices' state, at the first CHECKPOINT_READY."""

__all__ = [
    "AFTER_COMMIT",
    "AMID",
    "AT_READY",
    "BEFORE_COMMIT",
    "BEFORE_LISTENING",
    "IDLE",
    "IN_DEVICE_STATE",
    "IN_FIRST_PASS",
    "IN_RESYNC",
    "IN_TRANSFER",
    "MOMENTS",
    "STARTS",
    "Amid",
    "Held",
    "Idle",
    "InTransfer",
    "Moment",
    "Standstill",
]
