"""Cuts both directions of the checkpoint stream where one of its parts begins.

The secondary sends nothing but small messages: those of the migration's return path, then COLO's own, each a 32-bit
big-endian number (migration/colo.c, colo_send_message). The primary sends a whole migration, then COLO's messages.
Between VMSTATE_SEND and VMSTATE_SIZE lie the dirty pages, as sections of a migration up to QEMU_VM_EOF
(migration/savevm.c, qemu_savevm_live_state; migration/ram.c, ram_save_complete), and behind VMSTATE_SIZE as many bytes
of device state as its 64-bit value says.

The device state of the migration itself has no length. But the primary says nothing between its end and the first
CHECKPOINT_REQUEST, which it sends when it has got CHECKPOINT_READY: so what comes after that is COLO's.
"""

import struct
from collections.abc import Callable

from colo_harness.colo.message import ON_THE_WIRE, Message

Chunk = tuple[Message | None, memoryview]
"""Bytes of the stream, and which part begins with the first of them, if one does."""

PAGE = 4096
_MAGIC = (0x5145564D, 3)
_EOF, _START, _PART, _END, _FULL, _CONFIGURATION, _COMMAND = 0, 1, 2, 3, 4, 7, 8
_FOOTER = 0x7E
_UNTOLD = -1
_ZERO, _MEM_SIZE, _PLAIN, _EOS, _CONTINUE, _FLUSH = 0x02, 0x04, 0x08, 0x10, 0x20, 0x200
_U8, _U16, _U32, _U64 = (struct.Struct(form).unpack_from for form in (">B", ">H", ">I", ">Q"))
_TWO_U16 = struct.Struct(">HH").unpack_from
_TWO_U32 = struct.Struct(">II").unpack_from


class NotUnderstood(Exception):
    """The stream has something that is not known here; the text says what."""


def _message(number: int) -> Message:
    if number >= len(ON_THE_WIRE):
        raise NotUnderstood(f"a COLO message of number {number:#x}")
    return ON_THE_WIRE[number]


class _Dissector:
    """Takes the stream in pieces as they come, and hands it on as far as it is understood.

    What comes next is known by `_next`, a function of the bytes and a position in them. It returns the position behind
    one element, which may lie beyond what has come, or raises struct.error if too little has come to know it.
    """

    _next: Callable[[memoryview, int], int]

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._begins: Message | None = None

    def feed(self, piece: bytes) -> list[Chunk]:
        """Return what can be handed on with `piece`, cut where parts begin. Raises NotUnderstood."""
        view = memoryview(self._rest + piece if self._rest else piece)
        at = self._skip
        marks: list[tuple[int, Message | None]] = [(0, None)]
        while at < len(view):
            try:
                behind = self._next(view, at)
            except struct.error:
                break
            if self._begins:
                marks.append((at, self._begins))
                self._begins = None
            at = behind
        end = min(at, len(view))
        self._skip = at - end
        self._rest = bytes(view[end:])
        ends = [start for start, _ in marks[1:]] + [end]
        cut = [(begins, view[start:stop]) for (start, begins), stop in zip(marks, ends, strict=True)]
        return [chunk for chunk in cut if len(chunk[1])]


class Secondary(_Dissector):
    """What the secondary sends."""

    def __init__(self) -> None:
        super().__init__()
        self._next = self._return_path

    def _return_path(self, view: memoryview, at: int) -> int:
        """One message of the return path; its kinds start at 1, and CHECKPOINT_READY is four bytes of 0."""
        kind, length = _TWO_U16(view, at)
        if kind:
            return at + 4 + int(length)
        self._next = self._colo
        return self._colo(view, at)

    def _colo(self, view: memoryview, at: int) -> int:
        self._begins = _message(_U32(view, at)[0])
        return at + 4


class Primary(_Dissector):
    """What the primary sends."""

    def __init__(self) -> None:
        super().__init__()
        self.puzzle: NotUnderstood | None = None
        """Why no part of the migration is found that enters COLO, if it is so; COLO's own parts are all the same."""
        self._next = self._header
        self._entering = True
        self._sections_begin = False
        self._ram = _UNTOLD
        self._blocks = 0
        self._state = 0

    def feed(self, piece: bytes) -> list[Chunk]:
        """As of each dissector, but the migration that enters COLO need not be understood."""
        try:
            return super().feed(piece)
        except NotUnderstood as puzzle:
            if not self._entering:
                raise
            self.puzzle, self._next, self._begins = puzzle, self._unread, None
            self._skip = 0
            return super().feed(piece)

    def enter_colo(self) -> None:
        """Take what comes next for COLO's, now that the primary gets CHECKPOINT_READY. Raises NotUnderstood."""
        if self._rest or self._skip:
            raise NotUnderstood("a migration that has not ended when the secondary is ready")
        self._entering = False
        self._next = self._colo

    def _header(self, view: memoryview, at: int) -> int:
        if _TWO_U32(view, at) != _MAGIC:
            raise NotUnderstood(f"a migration that starts with {view[at : at + 8].hex()}")
        self._next = self._section
        return at + 8

    def _unread(self, view: memoryview, at: int) -> int:  # noqa: ARG002 - the signature of every element
        return len(view)

    def _colo(self, view: memoryview, at: int) -> int:
        message = _message(_U32(view, at)[0])
        behind = at + 4
        if message is Message.VMSTATE_SEND:
            self._next, self._sections_begin = self._section, True
        elif message is Message.VMSTATE_SIZE:
            (self._state,) = _U64(view, behind)
            self._next, behind = self._device_state, behind + 8
        self._begins = message
        return behind

    def _device_state(self, view: memoryview, at: int) -> int:  # noqa: ARG002 - the signature of every element
        self._begins, self._next = Message.DEVICE_STATE, self._colo
        return at + self._state

    def _section(self, view: memoryview, at: int) -> int:
        """The head of a section, or what stands between two (migration/savevm.c, qemu_loadvm_state_main)."""
        (kind,) = _U8(view, at)
        if kind == _START:
            behind = self._start(view, at)
        elif kind in (_PART, _END):
            behind = self._more(view, at)
        elif kind == _CONFIGURATION and self._entering:
            behind = at + 5 + int(_U32(view, at + 1)[0])
        elif kind == _COMMAND:
            behind = at + 5 + int(_U16(view, at + 3)[0])
        elif kind == _FULL and self._entering:
            self._begins, self._next, behind = Message.DEVICE_STATE, self._unread, at + 1
        elif kind == _EOF and not self._entering:
            self._next, behind = self._colo, at + 1
        else:
            raise NotUnderstood(f"a section of kind {kind:#x}")
        if self._sections_begin:
            self._begins, self._sections_begin = Message.RAM, False
        return behind

    def _start(self, view: memoryview, at: int) -> int:
        (number,), (length,) = _U32(view, at + 1), _U8(view, at + 5)
        name = bytes(view[at + 6 : at + 6 + length])
        _TWO_U32(view, at + 6 + length)
        if name != b"ram":
            raise NotUnderstood(f"a section of {name!r}")
        self._ram, self._next, self._begins = number, self._page, Message.RAM
        return int(at + 6 + length + 8)

    def _more(self, view: memoryview, at: int) -> int:
        (number,) = _U32(view, at + 1)
        if self._ram not in (_UNTOLD, number):
            raise NotUnderstood(f"more of section {number}, which is not that of RAM, {self._ram}")
        self._ram, self._next = number, self._page
        return at + 5

    def _page(self, view: memoryview, at: int) -> int:
        """A page, or one of the marks among them (migration/ram.c, ram_load_precopy)."""
        (head,) = _U64(view, at)
        flags = head & (PAGE - 1)
        kind = flags & ~_CONTINUE
        behind = at + 8
        if kind in (_PLAIN, _ZERO):
            if not flags & _CONTINUE:
                behind += 1 + _U8(view, behind)[0]
            return int(behind + (PAGE if kind == _PLAIN else 1))
        if kind == _EOS:
            self._next = self._footer
        elif kind == _MEM_SIZE:
            self._blocks, self._next = head & -PAGE, self._block
        elif kind != _FLUSH:
            raise NotUnderstood(f"a page of flags {flags:#x}")
        return behind

    def _block(self, view: memoryview, at: int) -> int:
        behind = at + 1 + int(_U8(view, at)[0])
        self._blocks -= _U64(view, behind)[0]
        if self._blocks <= 0:
            self._next = self._page
        return behind + 8

    def _footer(self, view: memoryview, at: int) -> int:
        (mark,), (number,) = _U8(view, at), _U32(view, at + 1)
        if (mark, number) != (_FOOTER, self._ram):
            raise NotUnderstood(f"a section that ends with {mark:#x} of {number}")
        self._next = self._section
        return at + 5
