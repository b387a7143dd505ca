"""Split brain: two machines that answer as one guest."""

from collections.abc import Sequence

from colo_harness.history import Entry
from colo_harness.judge.moments import phases, promotions
from colo_harness.judge.verdict import Breach, Verdict, checker, decide


@checker
def never_both_answer(entries: Sequence[Entry]) -> Verdict:
    """The guest is heard from one host, and from the other one only after a failover to it; from then on from it alone.

    Heard is what comes into the service network's switch with the address of the guest's NIC.
    """
    voices = [entry for entry in entries if (entry.kind, entry.what) == ("observe", "voice")]
    entitled = voices[0].who if voices else ""
    since = float("-inf")
    breaches = []
    for voice in voices:
        if voice.who == entitled:
            continue
        called = [entry for entry in phases(entries, "failover") if since <= entry.at <= voice.at]
        if any(entry.data.get("host") == voice.who for entry in called):
            entitled, since = voice.who, voice.at
        else:
            text = (
                f"{voice.who} is heard, {_frames(voice)} from {voice.at:.3f} s on, where {entitled} is the guest's host"
            )
            breaches.append(Breach(text, voice.at, (voice.line,)))
    return decide(breaches, _doubts(entries, voices), f"{len(voices)} stretches, each of the one host that may answer")


def _frames(voice: Entry) -> str:
    count = voice.data.get("value", 0)
    return f"{count} frame{'' if count == 1 else 's'}"


def _doubts(entries: Sequence[Entry], voices: Sequence[Entry]) -> list[str]:
    """Return why silence may prove nothing: frames were lost, or a host was not even heard when it was due."""
    lost = [entry.data.get("value") for entry in entries if entry.what == "frames-dropped"]
    doubts = [f"the capture dropped {count} frames" for count in lost if count]
    if not voices:
        doubts.append("the guest was heard from no host")
    for promoted in promotions(entries):
        host = promoted.data.get("host")
        if not any(voice.who == host and voice.data.get("until", voice.at) >= promoted.at for voice in voices):
            doubts.append(f"{host} was not heard after its promotion at {promoted.at:.3f} s")
    return doubts
