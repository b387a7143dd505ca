"""Replaying a counter: which order of its additions explains the answers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from colo_harness.judge.operations import Op
from colo_harness.judge.verdict import Breach

MULTIPLIER = 6364136223846793005
MODULUS = 2**64
_MOST = 20_000  # candidate explanations; more would take minutes and mean that the answers say next to nothing

Candidate = tuple[int, frozenset[int]]  # the state, and the unanswered additions that are not used yet


class TooManyExplanations(Exception):
    """So many additions went unanswered that replaying them all is out of reach."""


def step(state: int, value: int, n: int) -> int:
    """Return a counter's state after adding `value` as its `n`-th addition (images/linux: TCP 9003)."""
    return (state * MULTIPLIER + value + n) % MODULUS


def unexplained(key: object, ops: Sequence[Op]) -> Iterator[Breach]:
    """Yield the first answer of counter `key` that no replay from 0 explains, and answers that share their n.

    Each answer carries its place n in the one order of all additions. A place that no answer claims must be taken
    by an addition whose answer never came; such an addition happens once, at any later time, or never.
    Raises TooManyExplanations.
    """
    added, told = _places(ops)
    if clash := _clash(key, added, told):
        yield clash
        return
    open_adds = [op for op in ops if op.what == "counter-add" and op.outcome != "ok" and not op.refused]
    candidates: set[Candidate] = {(0, frozenset(range(len(open_adds))))}
    for n in range(max([*added, *told, 0]) + 1):
        if n in added or n == 0:
            candidates = (
                {(step(state, _value(added[n][0]), n), left) for state, left in candidates} if n else candidates
            )
        else:
            later = min(op.completed for m, same in [*added.items(), *told.items()] if m >= n for op in same)
            candidates = _fill(candidates, n, [op if op.invoked < later else None for op in open_adds])
        for op in (*added.get(n, []), *told.get(n, [])):
            candidates = {one for one in candidates if one[0] == op.answer["state"]}
            if not candidates:
                yield Breach(f"counter {key}: no replay explains {op} answered n={n}", op.ended, op.lines)
                return
        if not candidates:
            yield Breach(f"counter {key}: nothing that was asked can have been addition {n}")
            return


def _places(ops: Sequence[Op]) -> tuple[dict[int, list[Op]], dict[int, list[Op]]]:
    """Return the answered additions and the answered reads, each by the n that they were told."""
    added: dict[int, list[Op]] = defaultdict(list)
    told: dict[int, list[Op]] = defaultdict(list)
    for op in ops:
        if op.outcome == "ok" and isinstance(op.answer.get("n"), int) and "state" in op.answer:
            (added if op.what == "counter-add" else told)[op.answer["n"]].append(op)
    return dict(added), dict(told)


def _clash(key: object, added: dict[int, list[Op]], told: dict[int, list[Op]]) -> Breach | None:
    """Return the first place that two additions claim, or that there cannot be."""
    for n, same in sorted(added.items()):
        if n < 1:
            return Breach(f"counter {key}: {same[0]} was answered n={n}", same[0].ended, same[0].lines)
        if len(same) > 1:
            text = f"counter {key}: {same[0]} and {same[1]} were both answered n={n}"
            return Breach(text, same[1].ended, same[0].lines + same[1].lines)
    for n, same in told.items():
        if n < 0:
            return Breach(f"counter {key}: {same[0]} was answered n={n}", same[0].ended, same[0].lines)
    return None


def _fill(candidates: set[Candidate], n: int, open_adds: Sequence[Op | None]) -> set[Candidate]:
    """Return what the counter can be after addition `n` if an unanswered one was it; None marks one asked too late."""
    reached = set()
    for state, left in candidates:
        for taken in left:
            op = open_adds[taken]
            if op is not None:
                reached.add((step(state, _value(op), n), left - {taken}))
    if len(reached) > _MOST:
        raise TooManyExplanations(f"{len(open_adds)} additions went unanswered")
    return reached


def _value(op: Op) -> int:
    return int(op.asked.get("value", 0))
