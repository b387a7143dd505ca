"""Prediction: what a client got of a pair, held against what the model and the bench make of both guests' frames."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.checkpoints import messages
from colo_harness.judge.comparing import Comparison
from colo_harness.judge.explanation import recorded
from colo_harness.judge.packets import Flow, Heard, parse
from colo_harness.judge.verdict import Breach, Parametrised, Verdict, decide

Words = tuple[int, bytes, bytes]
"""Of a packet: sequence number, what its header has that no host on the way changes, payload."""
COMMIT = ("receive", "vmstate-received")
"""The message from which on a checkpoint's output may go out (migration/colo.c)."""
CLIENT, BENCH = "client", "bench"
"""Whose packets a history has besides the frames of the pair's streams; "packet" is theirs, from IP on, in hex."""
_ETHERNET = b"\0" * 12 + b"\x08\0"
_TCP_FLAGS = slice(13, 14)


@dataclass(frozen=True)
class ClientGotAsPredicted(Parametrised):
    """The client's capture is what the model predicts, flow by flow, and what the bench let out of the same traffic.

    The model (`Comparison`) hears the frames of colo-compare's streams and of each checkpoint's commit: whatever comes
    out must be allowed by then, and in the end nothing may be due. What the pair's colo-compare let out, what
    the bench's did, and what reached the client must be the same packets in the same order, in each flow. In at least
    `flows` flows something did.
    """

    flows: int
    host: str = "host_a"

    def judge(self, entries: Sequence[Entry]) -> Verdict:
        """Judge entries that are in order of time."""
        heard = list(recorded(entries))
        commits = [one.at for one in messages(entries, self.host) if (one.direction, one.name) == COMMIT]
        breaches = list(_by_model(heard, commits))
        let_out = _flows(one.frame for one in heard if one.ear == "outdev")
        bench, client = (_flows(_packets(entries, who)) for who in (BENCH, CLIENT))
        for name, seen in (("the bench let out", bench), ("the client got", client)):
            for flow, words in let_out.items():
                if (other := seen.get(flow, [])) != words:
                    text = f"of {flow} {name} {len(other)} packets, not the {len(words)} that the pair let out"
                    breaches.append(Breach(f"{text}{_first_difference(words, other)}", heard[-1].at, (heard[-1].line,)))
        doubts = [] if len(let_out) >= self.flows else [f"{len(let_out)} flows were let out, {self.flows} should be"]
        count = sum(map(len, let_out.values()))
        return decide(breaches, doubts, f"{count} packets of {len(let_out)} flows, as predicted")


def _packets(entries: Sequence[Entry], who: str) -> Iterable[bytes]:
    for entry in entries:
        if (entry.kind, entry.who, entry.what) == ("frame", who, "out"):
            yield _ETHERNET + bytes.fromhex(entry.data["packet"])


def _by_model(heard: Sequence[Heard], commits: Sequence[float]) -> Iterable[Breach]:
    """Let the model hear what happened, in order of time."""
    model = Comparison()
    waiting: dict[bytes, list[str]] = defaultdict(list)
    at_commits = sorted(commits, reverse=True)
    for number, one in enumerate(heard):
        while at_commits and at_commits[-1] <= one.at:
            at_commits.pop()
            model.checkpoint()
        if one.ear == "primary_in":
            waiting[one.frame].append(f"p{number}")
            model.primary(f"p{number}", one.frame)
        elif one.ear == "secondary_in":
            model.secondary(one.frame)
        elif names := waiting.get(one.frame):
            for fault in model.came(names.pop(0)):
                yield Breach(fault, one.at, (one.line,))
        else:
            yield Breach("a frame was let out that the primary did not send, or twice", one.at, (one.line,))
    for name in model.due():
        yield Breach(f"{name} was kept back, although the secondary has said the same", heard[-1].at, (heard[-1].line,))


def _flows(frames: Iterable[bytes]) -> dict[Flow, list[Words]]:
    """Return the packets of each flow, in order; what is no IPv4 is left out."""
    flows: dict[Flow, list[Words]] = defaultdict(list)
    for packet in filter(None, map(parse, frames)):
        flags = packet.header[_TCP_FLAGS] if packet.flow.protocol == "tcp" else b""
        flows[packet.flow].append((packet.seq, flags, packet.payload))
    return dict(flows)


def _first_difference(words: Sequence[Words], others: Sequence[Words]) -> str:
    for number, (one, other) in enumerate(zip(words, others, strict=False), start=1):
        if one != other:
            return f"; packet {number} is another (seq {one[0]} and {other[0]})"
    return ""
