"""Histories of a checkpoint that stands still at one of its messages."""

from colo_harness.history import Entry
from suites.harness.histories import Tape

_MESSAGES = (
    ("host_a", "checkpoint-request", "host_b"),
    ("host_b", "checkpoint-reply", "host_a"),
    ("host_a", "vmstate-send", "host_b"),
    ("host_a", "vmstate-size", "host_b"),
    ("host_b", "vmstate-received", "host_a"),
    ("host_b", "vmstate-loaded", "host_a"),
)


def standing() -> list[Entry]:
    """Tell of a whole checkpoint at 1 s, and of one at 2 s in which a fault falls before VMSTATE_RECEIVED is there."""
    tape = Tape().phase(0, "replicating")
    for start in (1.0, 2.0):
        for number, (sender, message, receiver) in enumerate(_MESSAGES):
            at = start + number / 100
            tape.add(at, "trace", sender, "colo_send_message", message=message)
            if (start, number) < (2.0, 4):
                tape.add(at + 0.001, "trace", receiver, "colo_receive_message", message=message)
    return tape.fault(3, "inject").fault(3.01, "bitten").entries


def mended() -> list[Entry]:
    """Tell of a fault that is healed at 3 s, and of three checkpoints after it."""
    tape = Tape().phase(0, "replicating").fault(1, "inject").fault(1.01, "bitten").fault(3, "heal").fault(3, "healed")
    for second in (4, 5, 6):
        tape.checkpoint(second).checkpoint(second, "host_b")
    return tape.entries
