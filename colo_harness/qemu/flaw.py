"""A flaw of a disk: blkdebug between an image's format and its file, put in and taken out while QEMU uses it.

QEMU's own means: `blockdev-add` makes the node, and qemu-io's `reopen` lets the format have another file below it.
A new rule in a blkdebug that is there already would not be heard: it reads its rules only when it is opened.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from colo_harness.errors import MachineError
from colo_harness.qemu.vm import VM

Trouble = Literal["EIO", "ENOSPC"]
NODE = "flaw0"


@contextmanager
def flawed(vm: VM, image: Path, trouble: Trouble) -> Iterator[None]:
    """Let each write to the image's file fail inside the block. Raises MachineError.

    A format that could not write its own tables cannot be rid of the flaw: then this QEMU is ended in the end.
    """
    form, file = _nodes(vm, image)
    rule = {"event": "none", "iotype": "write", "errno": getattr(errno, trouble)}
    vm.execute("blockdev-add", {"driver": "blkdebug", "node-name": NODE, "image": file, "inject-error": [rule]})
    _reopen(vm, form, NODE)
    if (form, "file", NODE) not in _edges(vm):
        raise MachineError(f"{vm.name}: no flaw comes between {image.name} and its file", "look at its stderr")
    yield
    if vm.alive:
        _reopen(vm, form, file)
        if (form, "file", file) in _edges(vm):
            vm.execute("blockdev-del", {"node-name": NODE})
        else:
            vm.kill()


def _reopen(vm: VM, form: str, file: str) -> None:
    vm.execute("human-monitor-command", {"command-line": f'qemu-io {form} "reopen -o file={file}"'})


def _nodes(vm: VM, image: Path) -> tuple[str, str]:
    """Return the names of the nodes of the image's format and of its file."""
    told = vm.execute("query-named-block-nodes", {"flat": True})
    file = next(node["node-name"] for node in told if (node["drv"], node["file"]) == ("file", str(image)))
    return next(parent for parent, child, of in _edges(vm) if (child, of) == ("file", file)), file


def _edges(vm: VM) -> set[tuple[str, str, str]]:
    """Return the block graph: who has whom for what."""
    graph = vm.execute("x-debug-query-block-graph")
    named = {node["id"]: node["name"] for node in graph["nodes"]}
    return {(named[edge["parent"]], edge["name"], named[edge["child"]]) for edge in graph["edges"]}
