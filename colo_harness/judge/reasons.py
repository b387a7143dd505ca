"""Reasons: every checkpoint of a pair has one, and the forced ones are those that were to be expected."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.explanation import Cause, explain, recorded
from colo_harness.judge.moments import window
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided


@dataclass(frozen=True)
class ForcedBy(Parametrised):
    """In the watched stretch each checkpoint has a reason, and those that were forced have these ones, in order.

    A reason says why, by which protocol, and which byte differed, or whose frame waited in vain: `payload tcp 100`,
    `timeout udp primary`. Read from the frames of colo-compare's streams and QEMU's traces.
    """

    reasons: tuple[str, ...] = ()
    host: str = "host_a"
    label: str = ""

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = window(entries, self.label)
        frames = list(recorded(entries))
        if watched is None or not any(frame.ear == "primary_in" and frame.at in watched for frame in frames):
            return undecided("no watched stretch in which frames of the primary's were recorded")
        told = explain(entries, frames, watched, self.host)
        breaches = [
            Breach(f"a checkpoint at {cause.at:.3f} s has no reason", cause.at, (cause.line,))
            for cause in told.causes
            if cause.reason == "unexplained"
        ]
        seen = tuple(map(in_words, told.forced))
        if seen != self.reasons:
            told_of = f"forced by {', '.join(seen) or 'nothing'}, not {', '.join(self.reasons) or 'nothing'}"
            breaches.append(Breach(told_of, watched.end, tuple(cause.line for cause in told.causes)))
        doubts = [told.doubt] if told.doubt else []
        return decide(
            breaches, doubts, f"{len(told.causes)} checkpoints, {len(told.forced)} forced, each with its reason"
        )


def in_words(cause: Cause) -> str:
    """Return a cause as ForcedBy names it."""
    detail = cause.side if cause.reason == "timeout" else cause.offset
    words = (cause.reason, cause.flow.protocol if cause.flow else None, detail)
    return " ".join(str(word) for word in words if word is not None)
