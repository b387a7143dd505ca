"""Which lines, events and exit statuses are symptoms, when, and how a test declares them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from colo_harness.history import Entry
from colo_harness.judge import SYMPTOMS, ColoExit, StatesSeen, consoles_clean, symptoms_declared
from colo_harness.judge.stderr_lines import HEALTHY, healthy
from suites.harness.histories import Tape

STAMP = "2026-11-22T21:14:07.123456Z qemu-system-x86_64: "
HEALTHY_LINES = {
    "empty": "",
    "trace": "colo_send_message Send 'checkpoint-request' message",
    "mirror-waits": f"{STAMP}filter mirror send failed(Operation not permitted)",
    "redirector-lost": f"{STAMP}filter redirector send failed(Operation not permitted)",
    "colo-message-lost": f"{STAMP}Can't receive COLO message: Channel error: Connection reset by peer",
    "failover-asked": f"{STAMP}failover request",
    "shutdown-lost": f"{STAMP}Unable to shutdown socket: Transport endpoint is not connected",
    "nbd-flush-lost": f"{STAMP}Failed flush for 'nbd0' during close: Input/output error",
    "kvm-cpuid": f"{STAMP}warning: host doesn't support requested feature: CPUID[eax=01h].ECX.pni [bit 0]",
    "waits-for-peer": (
        f"{STAMP}-chardev socket,id=compare1,host=0.0.0.0,port=9004,server=on,wait=on: "
        "info: QEMU waiting for connection on: disconnected:tcp:0.0.0.0:9004,server=on"
    ),
    "halted-secondary": f'{STAMP}"-S" qemu option will be ignored in secondary side',
    "told-to-end": f"{STAMP}terminating on signal 15 from pid 4711 (/usr/bin/python3.11)",
}
SICK_LINES = [
    "qemu-system-x86_64: Got unknown COLO message: 77",
    "qemu-system-x86_64: filter mirror send failed(Broken pipe)",
    "qemu-system-x86_64: load of migration failed: Invalid argument",
    "/opt/q/qemu-system-x86_64: Failed to write to fd 7",
    "corrupted double-linked list",
]
CONSOLE_LINES = [
    ("panic", "[   12.3] Kernel panic - not syncing: Fatal exception in interrupt"),
    ("oops", "[   12.3] Oops: 0002 [#1] PREEMPT SMP"),
    ("oops", "[   12.3] BUG: unable to handle page fault for address: ffffc90000"),
    ("bug", "[   12.3] kernel BUG at mm/slub.c:305!"),
    ("trap", "[   12.3] general protection fault, probably for non-canonical address"),
    ("trap", "[   12.3] services[41]: segfault at 0 ip 0000000000401000"),
    ("trace", "[   12.3] Call Trace:"),
    ("stall", "[   12.3] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!"),
    ("stall", "[   12.3] rcu: INFO: rcu_sched self-detected stall on CPU"),
    ("disk", "[   12.3] I/O error, dev vda, sector 0 op 0x1:(WRITE)"),
    ("memory", "[   12.3] Out of memory: Killed process 41 (services)"),
    ("network", "[   12.3] NETDEV WATCHDOG: eth0 (virtio_net): transmit queue 0 timed out"),
]


def verdict_of(*told: tuple[str, str, Mapping[str, object]], allows: tuple[str, ...] = ()) -> str:
    """Return what symptoms_declared says of these (kind, what, data) of host_a, allowed for the whole history."""
    entries = [Entry(2, kind, "host_a", what, dict(data), 2) for kind, what, data in told]  # type: ignore[arg-type]  # kinds
    return symptoms_declared([*entries, Entry(3, "fault", "test", "a test", {"type": "allow", "allows": allows})]).valid


def test_what_a_console_is_expected_to_show_is_declared() -> None:
    """Of that kind alone, and from then on."""
    panic = [Entry(at, "console", "host_a", "Kernel panic - not syncing", {}, at) for at in (1, 3)]
    declared = Entry(2, "fault", "nemesis", "guest-panic", {"type": "inject", "allows": ["console-panic"]}, 2)
    assert consoles_clean([declared, panic[1]]).valid == "valid"
    assert consoles_clean([panic[0], declared]).valid == "invalid"
    assert consoles_clean([declared, replace(panic[1], what="Call Trace:")]).valid == "invalid"
    assert symptoms_declared([declared, panic[1]]).valid == "valid"


@pytest.mark.parametrize("known", HEALTHY, ids=lambda known: known.id)
def test_each_healthy_line_is_recognised(known: object) -> None:
    """With QEMU's prefixes; those that follow a loss are symptoms before one."""
    entry = next(one for one in HEALTHY if one is known)
    line = HEALTHY_LINES[entry.id]
    assert healthy(line, after_loss=True) is entry
    assert healthy(line, after_loss=False) is (entry if entry.when == "always" else None)
    assert entry.reason
    assert entry.source


@pytest.mark.parametrize("line", SICK_LINES)
def test_any_other_line_is_a_symptom(line: str) -> None:
    """Unless the test is about it."""
    assert verdict_of(("stderr", line, {})) == "invalid"
    assert verdict_of(("stderr", line, {}), allows=("stderr",)) == "valid"


@pytest.mark.parametrize(("name", "line"), CONSOLE_LINES)
def test_each_sign_of_a_broken_guest_is_recognised(name: str, line: str) -> None:
    """The reason tells which kind it is."""
    verdict = consoles_clean([Entry(1, "console", "host_b", line, {}, 2)])
    assert verdict.valid == "invalid"
    assert f"({name})" in verdict.reason


@pytest.mark.parametrize(
    "line",
    [
        "GUEST-READY",
        "0000002a",
        "[    0.0] Command line: console=ttyS0 quiet panic=-1",
        "[    0.1] mce: CPU supports 10 MCE banks",
        "[    0.1] debug: enabled",
    ],
)
def test_what_a_guest_prints_in_health_is_none(line: str) -> None:
    """Boot messages and the tick guest's generations."""
    assert consoles_clean([Entry(1, "console", "host_b", line)]).valid == "valid"


@pytest.mark.parametrize(
    ("name", "what", "data"),
    [
        ("colo-exit-error", "COLO_EXIT", {"mode": "primary", "reason": "error"}),
        ("block-io-error", "BLOCK_IO_ERROR", {"device": "colo-disk0"}),
        ("quorum-report-bad", "QUORUM_REPORT_BAD", {"node-name": "nbd0"}),
        ("guest-panicked", "GUEST_PANICKED", {"action": "pause"}),
        ("guest-reset", "RESET", {"guest": True, "reason": "guest-reset"}),
        ("shutdown", "SHUTDOWN", {"guest": True, "reason": "guest-reset"}),
        ("migration-failed", "MIGRATION", {"status": "failed"}),
    ],
)
def test_each_bad_event_is_a_symptom_that_its_name_declares(name: str, what: str, data: dict[str, object]) -> None:
    """Another name does not."""
    other = "block-io-error" if name != "block-io-error" else "shutdown"
    assert verdict_of(("event", what, data)) == "invalid"
    assert verdict_of(("event", what, data), allows=(other,)) == "invalid"
    assert verdict_of(("event", what, data), allows=(name,)) == "valid"


@pytest.mark.parametrize(
    "line",
    [
        "Failed to connect to NBD server: Connection refused",
        "Disconnect client, due to: Failed to read CMD_WRITE data: Unexpected end-of-file before all data were read",
    ],
)
def test_what_either_end_of_an_nbd_connection_says_is_declared_by_one_name(line: str) -> None:
    """The server does not say that it is one for NBD."""
    assert verdict_of(("stderr", f"{STAMP}{line}", {})) == "invalid"
    assert verdict_of(("stderr", f"{STAMP}{line}", {}), allows=("stderr-nbd",)) == "valid"


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("COLO_EXIT", {"mode": "primary", "reason": "request"}),
        ("SHUTDOWN", {"guest": False, "reason": "host-qmp-quit"}),
        ("MIGRATION", {"status": "colo"}),
        ("STOP", {}),
    ],
)
def test_healthy_events_are_none(what: str, data: dict[str, object]) -> None:
    """What was asked for, and COLO's daily life."""
    assert verdict_of(("event", what, data)) == "valid"


@pytest.mark.parametrize(("status", "valid"), [(0, "valid"), (None, "valid"), (1, "invalid"), (-11, "invalid")])
def test_exit_statuses(status: int | None, valid: str) -> None:
    """A crash is a symptom of its own name."""
    told = ("observe", "exit-status", {"value": status})
    assert verdict_of(told) == valid
    assert verdict_of(told, allows=("exit-status",)) == "valid"


def test_sigkill_is_healthy_only_after_a_loss() -> None:
    """The harness fences what it has lost; before that, somebody else killed it."""
    tape = Tape().add(2, "observe", "host_a", "exit-status", value=-9)
    assert symptoms_declared(tape.entries).valid == "invalid"
    assert symptoms_declared(tape.phase(1, "failover", role="secondary", host="host_b").entries).valid == "valid"


def test_a_fault_declares_from_its_injection_on() -> None:
    """What came before it is not its doing."""
    tape = Tape().fault(5, "inject", allows=["block-io-error"]).add(6, "event", "host_a", "BLOCK_IO_ERROR")
    assert symptoms_declared(tape.entries).valid == "valid"
    assert symptoms_declared(tape.add(4, "event", "host_a", "BLOCK_IO_ERROR").entries).valid == "invalid"


def test_an_unknown_name_is_no_licence() -> None:
    """Nor is it overlooked when nothing happened."""
    assert verdict_of(allows=("block-io-eror",)) == "unknown"
    assert all(symptom.meaning for symptom in SYMPTOMS.values())


def test_exits_are_counted_per_end() -> None:
    """Once each; not twice, not where none is due."""
    tape = Tape().add(1, "event", "host_a", "COLO_EXIT", mode="primary", reason="request")
    expected = ColoExit({"host_a": ("primary", {"request"})})
    assert expected(tape.entries).valid == "valid"
    assert ColoExit({"host_a": ("primary", {"error"})})(tape.entries).valid == "invalid"
    assert ColoExit({})(tape.entries).valid == "invalid"
    tape.add(2, "event", "host_a", "COLO_EXIT", mode="primary", reason="request")
    assert expected(tape.entries).valid == "invalid"
    assert ColoExit({"host_a": ("primary", {"request"})}, ends=2)(tape.entries).valid == "valid"
    none = Tape().add(1, "event", "host_a", "STOP").entries
    assert expected(none).valid == "invalid"


def test_states_are_compared_by_subset_and_alternatives() -> None:
    """Each difference is named."""
    value = {"mode": "none", "last-mode": "primary", "reason": "error", "ram": {"total": 7, "left": 0}}
    tape = Tape().add(1, "observe", "host_a", "query-colo-status", value=value, moment="after")
    key = ("host_a", "query-colo-status", "after")
    assert StatesSeen({key: {"reason": ("error", "request"), "ram": {"left": 0}}})(tape.entries).valid == "valid"
    verdict = StatesSeen({key: {"mode": "primary", "ram": {"left": 1}, "x": 2}})(tape.entries)
    assert verdict.valid == "invalid"
    for part in ("mode is 'none', not 'primary'", "ram.left is 0, not 1", "x is None, not 2"):
        assert part in verdict.reason
    assert StatesSeen({("host_b", "query-colo-status", "after"): {}})(tape.entries).valid == "unknown"


def test_a_disk_may_be_looked_at_before_replication_starts() -> None:
    """Its first sector, and no other; later it is a symptom."""
    look = {"type": "read", "sector-num": 0, "node-name": "#block1", "error": "Input/output error"}
    told = Tape().phase(0, "start").add(0.2, "event", "host_b", "QUORUM_REPORT_BAD", **look).phase(1, "replicating")
    assert symptoms_declared(told.entries).valid == "valid"
    told.add(2, "event", "host_b", "QUORUM_REPORT_BAD", **look)
    assert symptoms_declared(told.entries).valid == "invalid"
    other = Tape().phase(0, "start").add(0.2, "event", "host_b", "QUORUM_REPORT_BAD", **{**look, "sector-num": 8})
    assert symptoms_declared(other.entries).valid == "invalid"
