"""Places on the disk: which order of its writes explains what was read of each."""

from collections.abc import Iterable, Iterator, Sequence

from colo_harness.judge.operations import Op
from colo_harness.judge.replay import TooManyExplanations
from colo_harness.judge.verdict import Breach

MARK_LENGTH = 64  # a mark is the side letter so many times
LETTERS = ("A", "B")
_MOST = 20_000  # so many states of a place at once; more mean that next to nothing was answered

State = tuple[object, frozenset[int]]
"""What the place holds, and which operations are under way that have not taken effect."""


def unexplained_reads(ops: Sequence[Op]) -> Iterator[Breach]:
    """Yield the reads of one place that no order of all operations explains, in which each takes effect at one moment.

    That moment is between question and answer; a write without an answer takes effect at any later time, or never. So
    what was read once is there until something else is written, whoever reads it. Raises TooManyExplanations.
    """
    told = [op for op in ops if not op.refused and (op.what != "read" or op.outcome == "ok")]
    states: set[State] = {(None, frozenset())}
    for ends, at in _events(told):
        op = told[at]
        if not ends:
            states = {(held, under_way | {at}) for held, under_way in states}
        elif after := _took_effect(states, told, at):
            states = after
        else:
            due = " or ".join(sorted({_shown(held) for held, _ in states}))
            last = max(
                (w for w in told if w is not op and w.completed < op.invoked), key=lambda w: w.completed, default=op
            )
            lines = (*last.lines, *op.lines)
            yield Breach(f"{op}: {due} was acknowledged, {_shown(op.answer.get('text'))} came", op.ended, lines)
            states = {(op.answer.get("text"), under_way - {at}) for _, under_way in states}


def _events(ops: Sequence[Op]) -> list[tuple[bool, int]]:
    """Return questions and answers in order of time, each as whether it is an answer and whose; questions go first."""
    asked = [(op.invoked, False, at) for at, op in enumerate(ops)]
    answered = [(op.completed, True, at) for at, op in enumerate(ops) if op.completed < float("inf")]
    return [(ends, at) for _, ends, at in sorted([*asked, *answered])]


def _took_effect(states: Iterable[State], ops: Sequence[Op], wanted: int) -> set[State]:
    """Return the states in which operation `wanted` has taken effect, with as many others as that needs."""
    todo = list(states)
    seen, found = set(todo), set()
    while todo:
        held, under_way = todo.pop()
        if wanted not in under_way:
            found.add((held, under_way))
            continue
        for at in under_way:
            fresh = {(after, under_way - {at}) for after in _outcomes(ops[at], held)} - seen
            seen |= fresh
            todo += fresh
        if len(seen) > _MOST:
            raise TooManyExplanations(f"{len(under_way)} operations went unanswered")
    return found


def _outcomes(op: Op, held: object) -> tuple[object, ...]:
    """Return what the place may hold after `op`; nothing where `op` cannot be at a time when it holds `held`."""
    if op.what == "read":
        return (held,) if op.answer.get("text") == held else ()
    if op.what == "mark":
        return tuple(letter * MARK_LENGTH for letter in LETTERS)
    return (op.asked.get("text"),)


def _shown(text: object) -> str:
    return "EMPTY" if text is None else repr(text)


def changed_blocks(ops: Sequence[Op]) -> Iterator[Breach]:
    """Yield each answer about a block that nobody writes which is another one than the first."""
    answers = sorted((op for op in ops if op.outcome == "ok"), key=lambda op: op.completed)
    for later in answers[1:]:
        first, came = answers[0], later.answer.get("crc32")
        if came != first.answer.get("crc32"):
            text = f"{later} was answered {came} after {first} had been answered {first.answer.get('crc32')}"
            yield Breach(text, later.ended, first.lines + later.lines)
