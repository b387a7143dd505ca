"""What guests say on their consoles, where both are to say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import phases
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide, undecided


@dataclass(frozen=True)
class BothSay(Parametrised):
    """In the watched stretch each host's guest says `word` and nothing else, `least` times or more."""

    word: str
    least: int = 5
    hosts: tuple[str, ...] = ("host_a", "host_b")

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        watched = phases(entries, "watch")
        if not watched:
            return undecided("no stretch was watched")
        breaches, doubts = [], []
        for host in self.hosts:
            said = [e for e in entries if (e.kind, e.who) == ("console", host) and e.what and e.at >= watched[0].at]
            other = [entry for entry in said if entry.what != self.word]
            if other:
                breaches.append(
                    Breach(f"{host} says {other[0].what!r}, not {self.word!r}", other[0].at, (other[0].line,))
                )
            if len(said) < self.least:
                doubts.append(f"{host} said {len(said)} words, {self.least} are wanted")
        return decide(breaches, doubts, f"{' and '.join(self.hosts)} say {self.word!r}")
