"""The tick guests of a pair: made quiet, set going, and their memory put into the history."""

import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from colo_harness.errors import WaitTimeout
from colo_harness.judge.memory import Said, said
from colo_harness.qemu import tick
from colo_harness.qemu.topology import Role
from colo_harness.wait import wait_until

if TYPE_CHECKING:
    from colo_harness.colo.pair import ColoPair
    from colo_harness.history import Entry
    from colo_harness.qemu.vm import VM

WORD = 10.0
"""Seconds until a tick guest that lives has said something; an idle machine needs 10 ms."""
ZEROS = bytes(tick.PAGE)
RANGE = re.compile(
    r"^  (?P<start>[0-9a-f]{16})-(?P<end>[0-9a-f]{16}) \(prio -?\d+, (?:ram|rom)\): (?P<block>\S+)",
    re.MULTILINE,
)
BLOCK = re.compile(r"^ *(\S+)  +\d+ [KMG]iB ", re.MULTILINE)


class Ticks:
    """Types on the serial ports of both tick guests and looks at their memory."""

    def __init__(self, pair: "ColoPair") -> None:
        self._pair = pair

    def quiet(self, role: Role) -> None:
        """Make the guest rest, in a pass that zeroes other pages than where it rested last. Raises WaitTimeout."""
        vm = self._pair.vm(role)
        last = max(self._rests(vm.name), default=None)

        def rested() -> bool:
            now = self._hear(vm, tick.QUIET, lambda word: word.quiet).generation
            if last is None or (now - last) % tick.ZEROED_EVERY:
                return True
            vm.send_console(tick.GO)
            return False

        wait_until(f"the guest of {vm.name} to rest in another kind of pass", rested, timeout=10 * WORD)

    def go(self, role: Role) -> None:
        """Let the guest work, if it rests, and return when it is beyond where it and its peer rested last.

        Raises WaitTimeout.
        """
        rests = max((generation for vm in self._pair.vms for generation in self._rests(vm.name)), default=0)
        self._hear(self._pair.vm(role), tick.GO, lambda word: not word.quiet and word.generation > rests)

    def work(self, lines: int) -> None:
        """Return when the primary's guest has said as many lines more; it says one every 10 ms at most."""
        vm = self._pair.vm(Role.PRIMARY)
        heard = 0

        def enough(entry: "Entry") -> bool:
            nonlocal heard
            heard += said(entry, vm.name) is not None
            return heard >= lines

        since = self._pair.history.cursor()
        self._pair.history.wait_for(f"{lines} lines of {vm.name}", enough, since=since, timeout=WORD + lines)

    def compare(self, moment: str) -> None:
        """Take a checkpoint while the primary's guest rests; record, as `moment`, the memory of both sides."""
        self._pair.checkpoint()
        for role in Role:
            self._observe(role, moment)

    def explain(self, role: Role, moment: str) -> None:
        """Stop the guest, record whose work its memory is, let it go on and give it time to say so."""
        vm = self._pair.vm(role)
        vm.execute("stop")
        found = tick.explain(self._pair.snapshot(role, *tick.SAVED))
        told = {"possible": found.possible, "generation": found.generation, "objection": found.objection}
        self._pair.history.append("observe", vm.name, "generation", {"moment": moment, **told})
        vm.execute("cont")
        with suppress(WaitTimeout):
            self._hear(vm, b"", lambda word: word.generation > found.generation)

    def _rests(self, host: str) -> list[int]:
        words = (said(entry, host) for entry in self._pair.history)
        return [word.generation for word in words if word and word.quiet]

    def _observe(self, role: Role, moment: str) -> None:
        """Record every page of every RAM block that lies in the guest's physical memory.

        `pmemsave` reads no other: not the firmware's files (/rom@etc/…), which the guest fetches from fw_cfg, and not
        what the chipset hides, such as pc.rom behind the shadow in RAM that the firmware has made of it.
        """
        vm = self._pair.vm(role)
        pages: dict[str, str] = {}
        for start, end in _spans(vm):
            memory = self._pair.snapshot(role, start, end - start)
            for at in range(0, len(memory), tick.PAGE):
                if (page := memory[at : at + tick.PAGE]) != ZEROS:
                    pages[f"{start + at:#x}"] = f"{zlib.crc32(page):08x}"
        read = {found["block"] for found in _ranges(vm)}
        unread = sorted(set(BLOCK.findall(_ask(vm, "info ramblock"))) - read)
        self._pair.history.record(
            "observe", vm.name, "memory", moment=moment, pages=pages, blocks=sorted(read), unreadable=unread
        )

    def _hear(self, vm: "VM", letter: bytes, right: Callable[[Said], bool]) -> Said:
        """Type `letter` and return the next line of the guest that is `right`. Raises WaitTimeout."""
        since = self._pair.history.cursor()
        if letter:
            vm.send_console(letter)

        def matches(entry: "Entry") -> bool:
            word = said(entry, vm.name)
            return word is not None and right(word)

        entry = self._pair.history.wait_for(f"the guest of {vm.name} to say so", matches, since=since, timeout=WORD)
        return said(entry, vm.name) or Said(0, quiet=False)


def put_page_back(pair: "ColoPair") -> None:
    """Sabotage: put a page of a tick guest back by one generation, behind QEMU's back, where none has been.

    It is the survivor's, or host_b's where both live; the guest is stopped or quiet.
    """
    vm = next(vm for vm in reversed(pair.vms) if vm.alive)
    with vm.files.memory.open("r+b") as memory:
        memory.seek(tick.SAVED[0])
        saved = memory.read(tick.SAVED[1])
        if tick.explain(saved).possible:
            address, content = tick.older_page(saved)
            memory.seek(address)
            memory.write(content)


def _ask(vm: "VM", command: str) -> str:
    return str(vm.execute("human-monitor-command", {"command-line": command}))


def _ranges(vm: "VM") -> Iterator[re.Match[str]]:
    """Yield the stretches of physical memory that hold a RAM block, as HMP's `info mtree -f` tells them."""
    views = _ask(vm, "info mtree -f").split("FlatView #")
    return RANGE.finditer(next(view for view in views if ' AS "memory",' in view))


def _spans(vm: "VM") -> Iterator[tuple[int, int]]:
    """Yield start and end of the readable stretches, those that touch made one."""
    found = [(int(one["start"], 16), int(one["end"], 16) + 1) for one in _ranges(vm)]
    starts = [found[0][0], *(after for (_, end), (after, _) in pairwise(found) if end != after)]
    ends = [*(end for (_, end), (after, _) in pairwise(found) if end != after), found[-1][1]]
    return zip(starts, ends, strict=True)
