"""What a QEMU on the bench withstands: that it answers, keeps to its memory, and loses nothing on the way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.likeness import Album
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, checker, decide


@checker
def monitor_answers(entries: Sequence[Entry]) -> Verdict:
    """Each time that the monitor was asked it answered in time, and QEMU did not end."""
    asked = [entry for entry in entries if entry.kind == "observe" and entry.what == "monitor"]
    breaches = [
        Breach(f"QMP was silent {entry.data['moment']}: {entry.data.get('why', '')}", entry.at, (entry.line,))
        for entry in asked
        if entry.data["value"] != "answers"
    ]
    doubts = [] if asked else ["the monitor was never asked"]
    return decide(breaches, doubts, f"QMP answered {len(asked)} times")


@dataclass(frozen=True)
class MemoryKept(Parametrised):
    """QEMU's memory has grown by no more than `kib` KiB from the first weighing to the last."""

    kib: int

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        weighed = [entry for entry in entries if entry.kind == "observe" and entry.what == "memory-kib"]
        if len(weighed) < 2 or any(entry.data["value"] is None for entry in weighed):  # noqa: PLR2004 - before and after
            return decide([], ["QEMU was not weighed before and after"], "")
        first, last = weighed[0], weighed[-1]
        grown = last.data["value"] - first.data["value"]
        text = f"{grown} KiB more {last.data['moment']} than {first.data['moment']}"
        breaches = [Breach(text, last.at, (first.line, last.line))] if grown > self.kib else []
        return decide(breaches, [], text)


@checker
def came_once(entries: Sequence[Entry]) -> Verdict:
    """Each frame that the primary sent came out once, as it was, in whatever order; none of the secondary's did."""
    album = Album(entries, ("primary_in", "secondary_in"))
    sent = [entry for entry in entries if (entry.kind, entry.who, entry.what) == ("frame", "primary_in", "in")]
    breaches, seen = [], Counter[str]()
    for entry in entries:
        if (entry.kind, entry.who, entry.what) == ("frame", "outdev", "out"):
            sighting = album.recognise(entry)
            seen[sighting.name] += 1
            if wrong := sighting.wrong or ("came out" if not sighting.name.startswith("p") else ""):
                breaches.append(Breach(f"{sighting.name} {wrong}", entry.at, (entry.line,)))
    breaches += [
        Breach(f"{entry.data.get('name')} was dropped: it did not come out", entry.at, (entry.line,))
        for entry in sent
        if not seen[str(entry.data.get("name"))]
    ]
    return decide(breaches, [] if sent else ["the primary sent nothing"], f"{len(sent)} frames, each once")
