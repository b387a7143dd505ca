"""The tick guest's memory: what each of its passes leaves, and whether a snapshot can be the guest's work.

images/README.md describes the guest. A page holds another content after each pass: its generation, or zeros when
(index + generation) % 8 = 0, which never holds for two passes in a row. So a page that is one generation old always
differs. Zeros by themselves tell the generation only modulo 8; which one they stand for follows from the count of pages
written, that the guest keeps before its stretch, and is checked against every other page.
What no snapshot can tell is whether the one page at which the guest stopped, the first that it has not counted, is
older than it should be, where its older content is the same as before, amid, or after this pass's writing of it: when
it was written and is put back by one generation, or is to be zeroed now and is put back to its zeros of an earlier
pass. Of a quiet guest, whose generation is known, every page is told.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PAGE = 4096
"""Bytes."""
PAGES = 112
START = 0x20000
"""Physical address of the stretch."""
COUNT = START - 4
"""Physical address of the number of pages written whole, modulo 2**32: 32 bits, little-endian."""
SAVED = (COUNT, 4 + PAGES * PAGE)
"""Address and bytes of what `pmemsave` must save for `explain`."""
ZEROED_EVERY = 8
"""Passes after which a page is zeroed again."""
QUIET, GO = b"q", b"g"
"""What to type on the serial port. A quiet guest says `Q` and its generation, and writes no memory."""

_WORD = struct.Struct("<I")
_NOTHING_BETWEEN = bytes(PAGE - 8)


@dataclass(frozen=True)
class Page:
    """What a page shows of itself: its words at offsets 0 and 4092, and whether all between is zero."""

    first: int
    last: int
    clean: bool = True


@dataclass(frozen=True)
class Explanation:
    """Whether the guest can have produced a snapshot: in pass `generation`, with `done` pages written, or why not."""

    generation: int = 0
    done: int = 0
    objection: str = ""

    @property
    def possible(self) -> bool:
        """Whether the snapshot is the guest's work."""
        return not self.objection


def page(index: int, generation: int) -> Page:
    """Return what pass `generation` leaves in page `index`; generation 0 is the cleared stretch."""
    zeroed = generation == 0 or (index + generation) % ZEROED_EVERY == 0
    word = 0 if zeroed else generation
    return Page(word, word)


def stages(index: int, generation: int) -> Iterator[Page]:
    """Yield what page `index` goes through in pass `generation`, from untouched to written."""
    before, after = page(index, generation - 1), page(index, generation)
    yield before
    yield Page(after.first, before.last)
    yield after


def snapshot(generation: int, done: int) -> bytes:
    """Return the memory of SAVED when `done` pages of pass `generation` are written. Raises ValueError."""
    if generation < 1 or not 0 <= done <= PAGES:
        raise ValueError(f"no pass {generation} with {done} pages")
    count = ((generation - 1) * PAGES + done) % (1 << 32)
    pages = (page(index, generation if index < done else generation - 1) for index in range(PAGES))
    return _WORD.pack(count) + b"".join(map(_encode, pages))


def generations(memory: bytes) -> list[Page]:
    """Decode the pages of `memory`, the bytes of SAVED. Raises ValueError for another size."""
    if len(memory) != SAVED[1]:
        raise ValueError(f"{len(memory)} bytes of memory, not {SAVED[1]}")
    return [_decode(memory[at : at + PAGE]) for at in range(4, len(memory), PAGE)]


def explain(memory: bytes, *, complete: int | None = None) -> Explanation:
    """Say whether `memory`, the bytes of SAVED of a stopped or quiet guest, is what the guest can have produced.

    There must be a pass g and a number of pages b so that the guest counts (g-1)*112 + b pages, the pages below b
    hold pass g, those above b hold pass g-1, and page b holds one of the steps between the two.
    `complete`: the guest is quiet after this pass, as it said itself, so b is 112 and no page is in between; then
    every page that is a generation old or more is found, the last one too.
    Raises ValueError for another size.
    """
    pages = generations(memory)
    (count,) = _WORD.unpack_from(memory)
    newest = max(max(found.first, found.last) for found in pages)
    # The pass after the newest may have begun with the one page that it zeroes and shows nowhere else.
    candidates = [complete] if complete else [newest, newest + 1]
    verdict = Explanation(objection=f"the newest page is of pass {newest}, but the guest counts {count} pages written")
    for generation in filter(None, candidates):
        done = (count - (generation - 1) * PAGES) % (1 << 32)
        if done == PAGES or (done < PAGES and not complete):
            verdict = _compare(pages, generation, done)
        if verdict.possible:
            break
    return verdict


def older_page(memory: bytes) -> tuple[int, bytes]:
    """Return the physical address of a page, and what it held one generation ago; `explain` objects to it there.

    `memory`: the bytes of SAVED of a stopped or quiet guest. Raises ValueError when these are not the guest's work.
    """
    found = explain(memory)
    if not found.possible:
        raise ValueError(found.objection)
    # Neither the page that is being written nor the one before: the guest could have stopped before it wrote that.
    index, held = (0, found.generation) if found.done > 1 else (PAGES - 2, found.generation - 1)
    if not held:
        raise ValueError("the guest has hardly begun")
    return START + index * PAGE, _encode(page(index, held - 1))


def _compare(pages: list[Page], generation: int, done: int) -> Explanation:
    for index, found in enumerate(pages):
        if index == done:
            allowed = list(stages(index, generation))
        else:
            allowed = [page(index, generation if index < done else generation - 1)]
        if found not in allowed:
            wanted = " or ".join(map(str, allowed))
            return Explanation(
                generation, done, f"page {index} with {done} of pass {generation}: {found}, not {wanted}"
            )
    return Explanation(generation, done)


def _encode(held: Page) -> bytes:
    return _WORD.pack(held.first) + _NOTHING_BETWEEN + _WORD.pack(held.last)


def _decode(raw: bytes) -> Page:
    (first,), (last,) = _WORD.unpack_from(raw), _WORD.unpack_from(raw, PAGE - 4)
    return Page(first, last, raw[4:-4] == _NOTHING_BETWEEN)
