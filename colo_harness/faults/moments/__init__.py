"""Moments in a pair's life at which a fault may fall."""

from colo_harness.faults.moments.amid import AMID, Amid
from colo_harness.faults.moments.held import AFTER_COMMIT, BEFORE_COMMIT, Held
from colo_harness.faults.moments.idle import IDLE, Idle
from colo_harness.faults.moments.moment import Moment
from colo_harness.faults.moments.standstill import Standstill
from colo_harness.faults.moments.transfer import IN_TRANSFER, InTransfer

MOMENTS: tuple[Moment, ...] = (IDLE, BEFORE_COMMIT, AFTER_COMMIT, IN_TRANSFER)
"""Idle, stopped before the commit (VMSTATE_RECEIVED), stopped after it, and in mid-transfer."""

__all__ = [
    "AFTER_COMMIT",
    "AMID",
    "BEFORE_COMMIT",
    "IDLE",
    "IN_TRANSFER",
    "MOMENTS",
    "Amid",
    "Held",
    "Idle",
    "InTransfer",
    "Moment",
    "Standstill",
]
