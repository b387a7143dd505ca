"""The parts of the checkpoint stream: COLO's messages, and the two bodies between them."""

from enum import StrEnum


class Message(StrEnum):
    """A message by the name that QEMU traces (qapi/migration.json, COLOMessage), or a body that follows one.

    The migration that enters COLO has a RAM and a DEVICE_STATE of its own, ahead of all messages.
    """

    CHECKPOINT_READY = "checkpoint-ready"
    CHECKPOINT_REQUEST = "checkpoint-request"
    CHECKPOINT_REPLY = "checkpoint-reply"
    VMSTATE_SEND = "vmstate-send"
    RAM = "ram"
    VMSTATE_SIZE = "vmstate-size"
    DEVICE_STATE = "device-state"
    VMSTATE_RECEIVED = "vmstate-received"
    VMSTATE_LOADED = "vmstate-loaded"


BODIES = (Message.RAM, Message.DEVICE_STATE)
ON_THE_WIRE = tuple(message for message in Message if message not in BODIES)
"""COLO's messages by their number on the wire."""
OF_SECONDARY = (
    Message.CHECKPOINT_READY,
    Message.CHECKPOINT_REPLY,
    Message.VMSTATE_RECEIVED,
    Message.VMSTATE_LOADED,
)
"""Who sends: these come from the secondary, all others from the primary."""
TRANSACTION = tuple(message for message in Message if message is not Message.CHECKPOINT_READY)
"""What a checkpoint consists of, in order (migration/colo.c, colo_do_checkpoint_transaction)."""
