"""A script: what both VMs say, word by word, as a list of happenings that read well and shrink well.

Each happening makes sense wherever it stands; one for which there is no occasion is passed over. Flows are numbered as
`colo_harness/proxy/player.py` makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """One of the two VMs."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    def __repr__(self) -> str:
        return f"Side.{self.name}"

    @property
    def other(self) -> "Side":
        """The other VM."""
        return Side.SECONDARY if self == Side.PRIMARY else Side.PRIMARY


@dataclass(frozen=True)
class Say:
    """A VM sends the next bytes of a TCP stream, or the next datagrams: one for each size."""

    side: Side
    flow: int
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Swap:
    """A VM sends the next two segments or datagrams, the later one first."""

    side: Side
    flow: int
    sizes: tuple[int, int]


@dataclass(frozen=True)
class Double:
    """A VM's next segment or datagram comes twice."""

    side: Side
    flow: int
    size: int


@dataclass(frozen=True)
class Lose:
    """A VM's next segment or datagram never comes."""

    side: Side
    flow: int
    size: int


@dataclass(frozen=True)
class Again:
    """A VM sends once more what it sent `back` segments ago, 0 being the last one."""

    side: Side
    flow: int
    back: int


@dataclass(frozen=True)
class Follow:
    """A VM sends in one segment all that it lags behind the other, or the next datagram that the other has sent."""

    side: Side
    flow: int


@dataclass(frozen=True)
class Hear:
    """So many bytes of the client reach a VM; what it says from then on acknowledges them."""

    side: Side
    flow: int
    size: int


@dataclass(frozen=True)
class Acknowledge:
    """A VM sends a bare acknowledgement."""

    side: Side
    flow: int


@dataclass(frozen=True)
class Finish:
    """A VM sends what it lags behind the other one, and ends its direction of the connection."""

    side: Side
    flow: int


@dataclass(frozen=True)
class Differ:
    """The secondary will say another byte than the primary, `ahead` bytes on from where it is."""

    flow: int
    ahead: int


@dataclass(frozen=True)
class Pass:
    """A VM sends a frame that is not compared."""

    side: Side
    kind: str


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint is done."""


Happening = Say | Swap | Double | Lose | Again | Follow | Hear | Acknowledge | Finish | Differ | Pass | Checkpoint
Script = Sequence[Happening]
