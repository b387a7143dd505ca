"""What QEMU may write on stderr: the healthy lines, each with the reason and the source."""

import re
from dataclasses import dataclass
from typing import Literal

When = Literal["always", "after a loss"]
"""A loss: a fault was injected, a failover began or the pair was ended on purpose."""

_PREFIX = re.compile(r"^(?:\d{4}-\d\d-\d\dT\S+Z?\s+)?(?:[^\s:]+:\s+)?(?:info:\s+)?")
"""What `-msg timestamp=on`, the program's name and the lowest severity put before a message."""


@dataclass(frozen=True)
class HealthyLine:
    """A line that shows no fault of QEMU; `pattern` matches the whole message without its prefix."""

    id: str
    pattern: str
    when: When
    reason: str
    source: str

    def matches(self, line: str) -> bool:
        """Tell whether QEMU's line, prefix and all, is this one."""
        return re.fullmatch(self.pattern, message(line)) is not None


def message(line: str) -> str:
    """Return QEMU's line without time stamp, program name and `info:`."""
    return _PREFIX.sub("", line.strip(), count=1)


HEALTHY = (
    HealthyLine("empty", r"", "always", "an empty line says nothing", "docs/measured.md"),
    HealthyLine(
        "trace",
        r"(?:\d+@[\d.]+:)?(?:colo|migrat|replication|quorum)\w* .*",
        "always",
        "QEMU's own tracing, which the harness asked for",
        "docs/measured.md",
    ),
    HealthyLine(
        "mirror-waits",
        r"filter mirror send failed\(Operation not permitted\)",
        "always",
        "the primary mirrors to a socket on which the secondary is not connected yet; -1 printed as EPERM",
        "docs/measured.md",
    ),
    HealthyLine(
        "redirector-lost",
        r"filter redirector send failed\(Operation not permitted\)",
        "after a loss",
        "the peer's socket is gone; -1 printed as EPERM",
        "docs/measured.md",
    ),
    HealthyLine(
        "colo-message-lost",
        r"Can't (?:receive|send) COLO message(?:: .*)?",
        "after a loss",
        "the checkpoint stream broke with the peer",
        "docs/measured.md",
    ),
    HealthyLine(
        "failover-asked",
        r"failover request",
        "after a loss",
        "the thread of checkpoints tells why it ends, where failover was asked for while it was at work",
        "migration/colo.c, colo_process_checkpoint and colo_process_incoming_thread",
    ),
    HealthyLine(
        "shutdown-lost",
        r"Unable to shutdown socket: Transport endpoint is not connected",
        "after a loss",
        "failover shuts down a stream that the peer's death had closed",
        "docs/measured.md",
    ),
    HealthyLine(
        "nbd-flush-lost",
        r"Failed flush for '(?:\w+|nbd\+\S+)' during close(?:: .*)?",
        "after a loss",
        "the secondary's NBD server is gone when the primary drops its client",
        "docs/measured.md",
    ),
    HealthyLine(
        "kvm-cpuid",
        r"(?:warning: )?.*CPUID.*\bpni\b.*",
        "always",
        "nested KVM offers fewer CPU features than the model asks for",
        "docs/measured.md",
    ),
    HealthyLine(
        "waits-for-peer",
        r"-chardev \S+: info: QEMU waiting for connection on: .*",
        "always",
        "with `wait=on` a chardev's server says that it waits",
        "chardev/char-socket.c, qmp_chardev_open_socket_server",
    ),
    HealthyLine(
        "halted-secondary",
        r'"-S" qemu option will be ignored in secondary side',
        "after a loss",
        "a secondary that was started with `-S` runs on when it is promoted",
        "migration/colo.c, secondary_vm_do_failover",
    ),
    HealthyLine(
        "told-to-end",
        r"terminating on signal \d+ from pid \d+ .*",
        "always",
        "QEMU reports the signal that ended it; who sent it is judged by its SHUTDOWN event",
        "system/runstate.c, qemu_kill_report",
    ),
)
"""Every other line must be declared by the test that expects it."""


def healthy(line: str, *, after_loss: bool) -> HealthyLine | None:
    """Return the entry of the table that explains the line, None if it is a symptom."""
    fitting = (known for known in HEALTHY if known.matches(line))
    return next((known for known in fitting if known.when == "always" or after_loss), None)
