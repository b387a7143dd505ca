"""A rerun: a history is replayed on a bench, step by step beside what was seen then, and judged by its checkers."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from colo_harness.cli.judge import STATUS, hearing_line
from colo_harness.errors import UsageError
from colo_harness.history import Entry, History
from colo_harness.judge import rewriting, routes, seen
from colo_harness.judge.again import again
from colo_harness.judge.register import make
from colo_harness.machine.guardian import Guardian
from colo_harness.proxy.bench import Bench, Benchroom
from colo_harness.proxy.pcap import write_pcaps
from colo_harness.proxy.replay import Replay
from colo_harness.proxy.replay_filters import FilterReplay, header_of, on_a_netdev
from colo_harness.proxy.replay_rewriter import KIND, RewriterReplay
from colo_harness.qemu import release
from colo_harness.qemu.loop import Loop
from colo_harness.recording import Recording, load
from colo_harness.settings import Settings


def rerun(path: Path, settings: Settings, keep: Path | None) -> int:
    """Replay, print, and return the exit status. Raises UsageError, CacheError, ProductFailure."""
    recording = load(path)
    if keep:
        _make_room(keep)
    qemu = release.under_test(settings)
    with TemporaryDirectory() as folder, Loop() as loop, Guardian() as guardian:
        told = (keep or Path(folder)) / "history.jsonl"
        with History(told, recording.header.test) as history:
            _play(recording.entries, Benchroom(qemu, loop, guardian, settings.timeouts), Path(folder), history)
        if keep:
            write_pcaps(history, history.origin, keep)
    return _show(recording, history.entries)


def _play(entries: Sequence[Entry], room: Benchroom, folder: Path, history: History) -> None:
    if (header := header_of(entries)) is None:
        with Bench(room, folder, history) as bench:
            (RewriterReplay if _is_rewriter(entries) else Replay)(entries, bench).run()
            bench.collect()
    else:
        with on_a_netdev(room, folder, history, header) as netdev:
            FilterReplay(entries, netdev).run()
            netdev.bench.collect()


def _show(recording: Recording, entries: list[Entry]) -> int:
    words = _words(recording.entries)
    for number, (then, now) in enumerate(zip_longest(words(recording.entries), words(entries), fillvalue=""), start=1):
        same = then == now
        typer.echo(
            f"step {number}: {now or '-'}" + ("" if same else typer.style(f"   (then: {then or '-'})", fg="yellow"))
        )
    asked = [make(entry.what, entry.data["parameters"]) for entry in recording.entries if entry.kind == "check"]
    rejudgement = again(entries, asked)
    for hearing in rejudgement.hearings:
        typer.echo(hearing_line(hearing))
    return STATUS[rejudgement.valid]


def _words(entries: Sequence[Entry]) -> Callable[[Sequence[Entry]], list[str]]:
    """Return what tells in words what came out of this kind of bench."""
    if header_of(entries) is not None:
        return routes.words
    return rewriting.words if _is_rewriter(entries) else seen.words


def _is_rewriter(entries: Sequence[Entry]) -> bool:
    return any(entry.kind == "phase" and entry.data.get("kind") == KIND for entry in entries)


def _make_room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise UsageError(f"--keep {folder}: {trouble.strerror}", "name a folder where you may write") from trouble
