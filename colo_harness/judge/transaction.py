"""The checkpoint transaction message by message, as both sides trace it (migration/colo.c)."""

from collections.abc import Mapping
from types import MappingProxyType

Traced = tuple[str, str]
"""A traced event of QEMU and the message that it names."""


def _sent(message: str) -> Traced:
    return ("colo_send_message", message)


def _received(message: str) -> Traced:
    return ("colo_receive_message", message)


LAST_BEFORE: Mapping[str, tuple[Traced | None, Traced | None]] = MappingProxyType(
    {
        "checkpoint-ready": (None, _sent("checkpoint-ready")),
        "checkpoint-request": (_sent("checkpoint-request"), None),
        "checkpoint-reply": (_sent("checkpoint-request"), _sent("checkpoint-reply")),
        "vmstate-send": (_sent("vmstate-send"), _sent("checkpoint-reply")),
        "ram": (_sent("vmstate-send"), _received("vmstate-send")),
        "vmstate-size": (_sent("vmstate-size"), _received("vmstate-send")),
        "device-state": (_sent("vmstate-size"), _received("vmstate-size")),
        "vmstate-received": (_sent("vmstate-size"), _sent("vmstate-received")),
        "vmstate-loaded": (_received("vmstate-received"), _sent("vmstate-loaded")),
    }
)
"""What primary and secondary trace last in a checkpoint while this part of the stream is on its way; None: nothing."""
