"""The archive that Linux unpacks as its initramfs: cpio in the "newc" format (kernel: buffer-format.rst)."""

import gzip
import stat
from collections.abc import Mapping
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Node:
    """A file, folder or symbolic link: its mode with type bits, and its bytes, or where it points."""

    mode: int
    content: bytes = b""


FOLDER = Node(stat.S_IFDIR | 0o755)


def file(content: bytes, *, executable: bool = False, mode: int = 0o644) -> Node:
    """Return a regular file."""
    return Node(stat.S_IFREG | (0o755 if executable else mode), content)


def link(target: str) -> Node:
    """Return a symbolic link."""
    return Node(stat.S_IFLNK | 0o777, target.encode())


def archive(nodes: Mapping[str, Node]) -> bytes:
    """Pack `nodes`, by path without a leading slash; missing folders are added.

    Equal nodes give equal bytes: sorted, owned by root, without times.
    """
    whole = {str(parent): FOLDER for path in nodes for parent in _parents(path)} | dict(nodes)
    entries = [_entry(number, path, node) for number, (path, node) in enumerate(sorted(whole.items()), start=1)]
    return b"".join([*entries, _entry(0, _TRAILER, Node(0))])


def compressed(data: bytes) -> bytes:
    """Return `data` as gzip, the same bytes for the same data."""
    return gzip.compress(data, compresslevel=1, mtime=0)


def _parents(path: str) -> list[str]:
    names = path.split("/")[:-1]
    return ["/".join(names[: count + 1]) for count in range(len(names))]


def _entry(number: int, path: str, node: Node) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(node.mode) else 1
    fields = (number, node.mode, 0, 0, links, 0, len(node.content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return _padded(head) + _padded(node.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
