"""The disks of a pair: written behind the guests' backs, and read once a QEMU has ended."""

import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from colo_harness.qemu.disk import BLOCK, FIRST_SLOT
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair
    from colo_harness.qemu.vm import VM

DISK = "colo-disk0"
ZEROS = bytes(BLOCK)
END = 20.0
"""Seconds until a survivor has committed its buffers, or has ended."""


def write_alone(pair: "ColoPair", role: Role, fill: Mapping[int, str]) -> None:
    """Let `role`'s QEMU alone fill blocks of its disk, each with a letter: writes that the peer's guest never makes.

    They go through the disk that the guest sees, replication included.
    """
    for block, letter in fill.items():
        order = f"write -P {ord(letter)} {block * BLOCK} {BLOCK}"
        pair.vm(role).execute("human-monitor-command", {"command-line": f'qemu-io {DISK} "{order}"'})
        pair.history.record("phase", "pair", "write alone", role=role, block=block, letter=letter)


def compare(pair: "ColoPair", moment: str) -> None:
    """Record, as `moment`, where the disks of both sides differ, if anywhere; no guest writes meanwhile.

    Raises WaitTimeout.
    """
    _await_commit(pair.vm(Role.PRIMARY))
    for number in range(pair.topology.disks):
        for role, node in ((Role.PRIMARY, f"colo-disk{number}"), (Role.SECONDARY, f"parent{number}")):
            pair.vm(role).execute("human-monitor-command", {"command-line": f"qemu-io {node} flush"})
        one, other = (
            pair.network.site(pair.host(role)).fetch(pair.vm(role).files.images(number + 1)[number][0]) for role in Role
        )
        differs_at = pair.lab.images.difference(one, other)
        pair.history.record("observe", "pair", "disks", moment=moment, disk=number, differs_at=differs_at)


class Image:
    """The image of a survivor's disk. It reads as a client does: its operations go into the history."""

    def __init__(self, pair: "ColoPair", role: Role) -> None:
        """Let `role`'s QEMU finish its commit, and end it. Raises WaitTimeout."""
        self._pair = pair
        self._host = pair.host(role)
        vm = pair.vm(role)

        _await_commit(vm)
        vm.execute("quit")
        wait_until(f"{vm.name} to end", lambda: not vm.alive, timeout=END)

    def read(self, slots: Iterable[int]) -> None:
        """Read these slots of the guest's log."""
        for slot, content in self._contents(slots, FIRST_SLOT):
            first = content.partition(b"\n")[0].decode("latin-1")
            text = None if content == ZEROS else first.removeprefix(f"{slot} ")
            self._pair.history.invoke(f"image-{self._host}", "read", slot=slot).ok(text=text)

    def blocks(self, numbers: Iterable[int]) -> None:
        """Read these blocks."""
        for number, content in self._contents(numbers, 0):
            crc32 = f"{zlib.crc32(content):08x}"
            self._pair.history.invoke(f"image-{self._host}", "block", block=number).ok(crc32=crc32)

    def _contents(self, numbers: Iterable[int], base: int) -> list[tuple[int, bytes]]:
        wanted = list(numbers)
        start = min(wanted)
        image = self._pair.network.site(self._host).fetch(self._pair.files[self._host].disk)
        content = self._pair.lab.images.read(image, base + start, max(wanted) - start + 1)
        return [(number, content[(number - start) * BLOCK : (number - start + 1) * BLOCK]) for number in wanted]


def _await_commit(vm: "VM") -> None:
    """Return once a promoted secondary has put into its disks what its buffers hold. Raises WaitTimeout."""
    images = vm.files.images(2)

    def committed() -> bool:
        nodes = vm.execute("query-named-block-nodes", {"flat": True})
        return not any(str(active) in str(node["file"]) for node in nodes for _, active, _ in images)

    wait_until(f"{vm.name} to commit what its buffers hold", committed, timeout=END)
