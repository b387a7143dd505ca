"""The block graphs of both sides, as docs/block-replication.txt and docs/system/qemu-colo.rst of QEMU have them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Node = dict[str, Any]
"""What `blockdev-add` takes."""
Form = Literal["nbd", "replication"]
"""The quorum's second child: an NBD client, as in the newer document, or a replication filter, as in the older."""
Cache = Literal["writeback", "none", "writethrough", "directsync", "unsafe"]
"""How far a disk's writes go before they are answered, by the names of -drive's `cache`."""
Place = Literal["local", "parent", "active", "hidden"]
"""The images: the primary's disk, the secondary's, and the two that are before it."""

DISK, LOCAL, PARENT, ACTIVE, HIDDEN = "disk0", "local0", "parent0", "active0", "hidden0"
FILTER, CHILD, CLIENT = "replication0", "child0", "nbd0"
DIRECT: tuple[Cache, ...] = ("none", "directsync")
THROUGH: tuple[Cache, ...] = ("writethrough", "directsync")


@dataclass(frozen=True)
class Flaw:
    """An error that blkdebug makes in one of the images.

    With a `sector` of the guest each request of kind `iotype` that touches it fails; without, the requests that follow
    an `event` of the image's format (BlkdebugEvent in qapi/block-core.json), from the second such event on if `second`.
    """

    place: Place
    iotype: Literal["read", "write"] | None = None
    sector: int | None = None
    event: str = "none"
    once: bool = False
    second: bool = False

    def around(self, image: Node) -> Node:
        """Return the image with the flaw in it, above its format or below."""
        rule: Node = {"event": self.event, "errno": 5, "once": self.once}
        rule |= {"iotype": self.iotype} if self.iotype else {}
        rule |= {"sector": self.sector} if self.sector is not None else {}
        rule |= {"state": 2} if self.second else {}
        debug: Node = {"driver": "blkdebug", "inject-error": [rule]}
        debug |= {"set-state": [{"event": self.event, "state": 1, "new_state": 2}]} if self.second else {}
        return (
            debug | {"image": image} if self.sector is not None else image | {"file": debug | {"image": image["file"]}}
        )


@dataclass(frozen=True)
class Design:
    """What a test asks for; the default is what the documents describe."""

    form: Form = "nbd"
    flaw: Flaw | None = None
    cache: Cache = "writeback"
    journal: Place | None = None
    """The image of which each write and flush is logged."""
    buffers: Literal["empty", "dirty", "short"] = "empty"
    """What active and hidden disk are before replication starts."""
    buffered: bool = True
    """Whether the secondary's guest has replication filter, active and hidden disk before the parent."""
    remote_first: bool = False
    """Whether the primary's quorum asks the secondary first."""
    linked: bool = True
    """Whether the primary's quorum has a child on the secondary."""

    def image(self, place: Place, name: str, folder: Path) -> Node:
        """Return an image with its name, its cache mode, its log and its flaw."""
        cache = {"direct": self.cache in DIRECT, "no-flush": self.cache == "unsafe"}
        file: Node = {"driver": "file", "filename": str(folder / f"{place}.qcow2"), "cache": cache}
        if self.journal == place:
            log = {"driver": "file", "filename": str(folder / "journal")}
            file = {"driver": "blklogwrites", "file": file, "log": log, "cache": cache}
        image: Node = {"driver": "qcow2", "file": file, "cache": cache}
        if self.flaw and self.flaw.place == place:
            image = self.flaw.around(image)
        return image | {"node-name": name}

    def quorum(self, *children: str) -> Node:
        """Return what a guest has for a disk."""
        order = list(reversed(children)) if self.remote_first else list(children)
        common = {"read-pattern": "fifo", "vote-threshold": 1, "children": order}
        return {"driver": "quorum", "node-name": DISK, **common}

    def secondary(self, folder: Path) -> list[Node]:
        """Return the secondary's nodes, the lowest first, the guest's disk last."""
        hidden = self.image("hidden", HIDDEN, folder) | {"backing": PARENT}
        active = self.image("active", ACTIVE, folder) | {"backing": hidden}
        above: Node = {
            "driver": "replication",
            "node-name": FILTER,
            "mode": "secondary",
            "top-id": DISK,
            "file": active,
        }
        parent = self.image("parent", PARENT, folder)
        return [parent, above, self.quorum(FILTER)] if self.buffered else [parent]

    def child(self, server: Path) -> list[Node]:
        """Return the nodes of the primary's quorum's second child, whose name is CHILD."""
        client: Node = {"driver": "nbd", "server": {"type": "unix", "path": str(server)}, "export": PARENT}
        if self.form == "nbd":
            return [client | {"node-name": CHILD, "detect-zeroes": "on"}]
        client |= {"node-name": CLIENT}
        return [{"driver": "replication", "node-name": CHILD, "mode": "primary", "file": client}]
