"""Sessions: a TCP connection as a client, the primary's guest and the secondary's guest see it."""

import struct
from dataclasses import dataclass, replace
from typing import Self

from colo_harness.proxy.flow import TCP, Flow, Ip, checksum

_NEEDS_CHECKSUM = struct.pack("<BBHHHH", 1, 0, 0, 0, 34, 16)  # virtio 1.2, 5.1.6: from the TCP header on, into its sum
CLIENT = "10.0.0.2"
GUEST = "10.0.0.1"
PLAIN = Ip()


@dataclass(frozen=True)
class Said:
    """A frame as it is sent, and as it is due on the other side of the filter-rewriter."""

    sent: bytes
    due: bytes
    header: bytes | None = None
    """The virtio-net header; None is one that says nothing."""

    def left_to_the_receiver(self) -> Self:
        """Return it as a guest sends it that leaves TCP's checksum to the receiver, who is to find what is due.

        The field then has the sum of the pseudo header only (virtio 1.2, 5.1.6.2).
        """
        pseudo = self.sent[26:34] + struct.pack("!BBH", 0, TCP, len(self.sent) - 34)
        partial = struct.pack("!H", ~checksum(pseudo) & 0xFFFF)
        return replace(self, sent=self.sent[:50] + partial + self.sent[52:], header=_NEEDS_CHECKSUM)


@dataclass(frozen=True)
class Session:
    """A connection between a client's port and one of the guest's.

    The first sequence number of the guest is `primary` on the primary, so that the client counts from there, and
    `secondary` on the secondary. Sequence and acknowledgement numbers are given from these on.
    """

    port: int = 40000
    primary: int = 1000
    secondary: int = 500_000
    client_isn: int = 100
    guest_port: int = 80
    client_address: str = CLIENT
    ip: Ip = PLAIN

    def alike(self) -> Self:
        """Return the session after a checkpoint: the secondary's guest is the primary's."""
        return replace(self, secondary=self.primary)

    def guest(
        self, payload: bytes = b"", *, seq: int = 1, ack: int = 1, flags: str = "PA", options: bytes = b""
    ) -> Said:
        """Return what the secondary's guest says; a SYN goes on as it is, all else as the primary's guest says it."""
        flow = Flow(GUEST, self.client_address, self.guest_port, self.port, self.ip)
        acknowledged = self.client_isn + ack if "A" in flags else 0
        sent, due = (
            flow.tcp(payload, seq=isn + seq, ack=acknowledged, flags=flags, options=options)
            for isn in (self.secondary, self.primary)
        )
        return Said(sent, sent if "S" in flags else due)

    def client(
        self,
        payload: bytes = b"",
        *,
        seq: int = 1,
        ack: int = 1,
        flags: str = "PA",
        options: tuple[bytes, bytes] = (b"", b""),
    ) -> Said:
        """Return what the client says, to whom the guest is the primary's; `options` as they are sent and due."""
        flow = Flow(self.client_address, GUEST, self.port, self.guest_port, self.ip)
        known = "A" in flags
        sent, due = (
            flow.tcp(
                payload, seq=self.client_isn + seq, ack=isn + ack if known else 0, flags=flags, options=options[side]
            )
            for side, isn in enumerate((self.primary, self.secondary))
        )
        return Said(sent, due)
