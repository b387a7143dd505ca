"""Symptoms: what must not happen unless the test declared it, on consoles, stderr, in events and exit statuses."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colo_harness.history import Entry
from colo_harness.judge.moments import faults, phases
from colo_harness.judge.stderr_lines import healthy, message
from colo_harness.judge.verdict import Breach, Verdict, checker, decide

CONSOLE = {
    "panic": r"Kernel panic|\bpanic:|Attempted to kill init",
    "oops": r"\bOops\b|Unable to handle kernel|unable to handle (?:kernel|page fault)|\bRIP: 00",
    "bug": r"\bBUG\b:?|kernel BUG at|list_(?:add|del) corruption|\bUBSAN\b|\bKASAN\b",
    "trap": r"general protection|invalid opcode:|divide error:|double fault|segfault at|traps: \w+\[\d+\]",
    "trace": r"Call Trace:|\[ cut here \]|WARNING: CPU",
    "stall": r"soft lockup|hard LOCKUP|rcu.*(?:detected|self-detected) stall|blocked for more than \d+ seconds",
    "disk": r"I/O error|Buffer I/O|EXT4-fs error|critical medium error|ata\d.*(?:failed command|exception Emask)",
    "memory": r"Out of memory:|oom-kill|page allocation failure|Bad page state",
    "hardware": r"Machine [Cc]heck (?:events logged|Exception)|\[Hardware Error\]",
    "network": r"NETDEV WATCHDOG|transmit queue \d+ timed out",
}
"""What a guest's kernel prints when something beneath it broke: id, regular expression."""
ON_CONSOLE = "console-"
"""What `allows` puts before such an id where a test expects it."""

_CONSOLE = {name: re.compile(pattern) for name, pattern in CONSOLE.items()}
_KILLED = (-9, 137)  # SIGKILL, as Python and as a shell wrapper tell it
_ASKED_SHUTDOWNS = ("host-qmp-quit", "host-qmp-system-reset", "host-signal", "host-ui")


def _event(name: str, **data: object) -> Callable[[Entry], bool]:
    def matches(entry: Entry) -> bool:
        told = all(entry.data.get(key) == value for key, value in data.items())
        return entry.kind == "event" and entry.what == name and told

    return matches


def _stderr(pattern: str) -> Callable[[Entry], bool]:
    compiled = re.compile(pattern)
    return lambda entry: entry.kind == "stderr" and compiled.search(message(entry.what)) is not None


def _status(entry: Entry) -> int | None:
    """Return the exit status that was observed; None for anything else and for a process that still runs."""
    value = entry.data.get("value")
    is_status = entry.kind == "observe" and entry.what == "exit-status"
    return value if is_status and isinstance(value, int) else None


def _unasked_shutdown(entry: Entry) -> bool:
    return _event("SHUTDOWN")(entry) and entry.data.get("reason") not in _ASKED_SHUTDOWNS


@dataclass(frozen=True)
class Symptom:
    """A named kind of trouble; a fault or test that expects it lists the name under `allows`."""

    matches: Callable[[Entry], bool]
    meaning: str


SYMPTOMS = {
    "colo-exit-error": Symptom(_event("COLO_EXIT", reason="error"), "COLO ended by an error (qapi/migration.json)"),
    "block-io-error": Symptom(_event("BLOCK_IO_ERROR"), "a disk request failed (qapi/block-core.json)"),
    "block-job-error": Symptom(_event("BLOCK_JOB_ERROR"), "replication's backup job failed (qapi/block-core.json)"),
    "quorum-report-bad": Symptom(_event("QUORUM_REPORT_BAD"), "a quorum child failed (qapi/block-core.json)"),
    "quorum-failure": Symptom(_event("QUORUM_FAILURE"), "a quorum lost its vote (qapi/block-core.json)"),
    "guest-panicked": Symptom(_event("GUEST_PANICKED"), "the guest reported a panic (qapi/run-state.json)"),
    "guest-reset": Symptom(_event("RESET", guest=True), "the guest reset itself (qapi/run-state.json)"),
    "shutdown": Symptom(_unasked_shutdown, "QEMU shut down unasked (qapi/run-state.json, ShutdownCause)"),
    "migration-failed": Symptom(_event("MIGRATION", status="failed"), "migration failed (qapi/migration.json)"),
    "killed": Symptom(
        lambda entry: _status(entry) in _KILLED, "a QEMU was ended by SIGKILL before any fault, failover or end"
    ),
    "exit-status": Symptom(
        lambda entry: _status(entry) not in (None, 0, *_KILLED), "a QEMU ended with a status other than 0"
    ),
    "stderr-nbd": Symptom(
        _stderr(r"(?i)\bnbd\b|Disconnect client, due to: "),
        "an NBD client or server complains about the connection (nbd/server.c, nbd_trip, does not say NBD)",
    ),
    "stderr-network": Symptom(
        _stderr(r"filter |colo.compare|colo proxy|colo send|Unable to (?:write|read)|Connection |Broken pipe"),
        "a filter, colo-compare or a socket complains",
    ),
    "stderr-migration": Symptom(
        _stderr(
            r"(?i)COLO message|VMState|migration|multifd|checkpoint|load section|load(?:ing)? state|live state"
            r"|section footer|SaveStateEntry|Channel error"
        ),
        "the checkpoint stream complains",
    ),
    "stderr-block": Symptom(
        _stderr(r"(?i)I/O error|replication|backup|quorum|Failed to (?:empty|flush)"), "the block layer complains"
    ),
    "stderr": Symptom(lambda entry: entry.kind == "stderr", "any line on stderr: for tests that are about such lines"),
}
"""The names that `allows` may list, beside those of CONSOLE. What fits none of them cannot be allowed."""


@checker
def consoles_clean(entries: Sequence[Entry]) -> Verdict:
    """No guest's console shows, undeclared, that something broke beneath its kernel."""
    lines = [entry for entry in entries if entry.kind == "console"]
    allowed = _allowed(entries)
    breaches = [
        Breach(f"{entry.who}'s console ({name}): {entry.what.strip()}", entry.at, (entry.line,))
        for entry in lines
        for name, pattern in _CONSOLE.items()
        if pattern.search(entry.what) and entry.at < allowed.get(f"{ON_CONSOLE}{name}", float("inf"))
    ]
    return decide(breaches, [], f"{len(lines)} console lines, none of them a symptom")


@checker
def symptoms_declared(entries: Sequence[Entry]) -> Verdict:
    """Nothing on stderr, in events or in exit statuses that is not healthy or declared by the test or its faults."""
    allowed = _allowed(entries)
    known = {*SYMPTOMS, *(f"{ON_CONSOLE}{name}" for name in CONSOLE)}
    doubts = [f"`allows` names no symptom: {name}" for name in sorted(allowed.keys() - known)]
    lost = _first_loss(entries)
    formed = min((entry.at for entry in phases(entries, "replicating")), default=float("inf"))
    breaches, declared = [], 0
    for entry in entries:
        names = [name for name, symptom in SYMPTOMS.items() if symptom.matches(entry)]
        if not names or _is_healthy(entry, after_loss=entry.at >= lost) or _is_first_look(entry, until=formed):
            continue
        if any(entry.at >= allowed.get(name, float("inf")) for name in names):
            declared += 1
            continue
        told = entry.what if entry.kind == "stderr" else f"{entry.what} {entry.data}"
        breaches.append(Breach(f"{entry.who}, undeclared {names[0]}: {told.strip()}", entry.at, (entry.line,)))
    return decide(breaches, doubts, f"{declared} symptoms, each declared")


def _is_healthy(entry: Entry, *, after_loss: bool) -> bool:
    """Tell whether QEMU's line is known to be harmless, or its SIGKILL followed a loss: it was fenced."""
    if entry.kind == "stderr":
        return healthy(entry.what, after_loss=after_loss) is not None
    return after_loss and _status(entry) in _KILLED


def _is_first_look(entry: Entry, *, until: float) -> bool:
    """Tell whether this is a secondary's IDE disk that was asked for its partition table before replication started.

    QEMU does so as it makes the device (hw/block/hd-geometry.c), and the replication driver answers with EIO until it
    is started (block/replication.c, replication_get_io_status). Nobody hears of it but a monitor that is very quick.
    """
    read = _event("QUORUM_REPORT_BAD", type="read", **{"sector-num": 0})(entry)
    return read and entry.at < until


def _allowed(entries: Sequence[Entry]) -> dict[str, float]:
    """Return from when on, in seconds, each symptom is declared; a fault entry of type `allow` covers everything."""
    since: dict[str, float] = {}
    for entry in entries:
        if entry.kind in ("fault", "phase"):
            start = float("-inf") if entry.data.get("type") == "allow" else entry.at
            for name in entry.data.get("allows") or ():
                since[name] = min(start, since.get(name, start))
    return since


def _first_loss(entries: Sequence[Entry]) -> float:
    """Return when, in seconds, a peer was first lost or let go on purpose."""
    began = [fault.began for fault in faults(entries) if fault.began is not None]
    let_go = [entry.at for entry in entries if entry.kind == "phase" and entry.what in ("failover", "parting", "end")]
    return min([*began, *let_go], default=float("inf"))
