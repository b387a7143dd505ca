"""A guest whose code changes: what the secondary runs after a checkpoint."""

from pathlib import Path

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.history import Entry
from colo_harness.judge import Violation
from colo_harness.judge.saying import BothSay
from colo_harness.qemu import guest
from colo_harness.qemu.topology import Image, Role, Topology
from fixtures.claims import control
from fixtures.pair import Check

STALE = pytest.mark.xfail(strict=True, raises=Violation, reason="finding: docs/findings/0077-stale-code.md")
WORDS = 12


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    """Return a guest that can be told on its console to change its code."""
    disk = tmp_path / "code.img"
    guest.assemble_code(disk)
    image = Image(disk=disk, memory_mib=64, boot_s=2.0)
    return Topology(guest="foreign", image=image, checkpoint_delay_ms=60_000)


def hear(pair: ColoPair, host: str, word: str | None = None) -> None:
    """Return when this host's guest has said this word, or whatever it is, some times more."""
    heard = 0

    def enough(entry: Entry) -> bool:
        nonlocal heard
        heard += (entry.kind, entry.who) == ("console", host) and word in (None, entry.what)
        return heard >= WORDS

    pair.history.wait_for(f"{host} to speak", enough, since=pair.history.cursor(), timeout=20)


@STALE
@pytest.mark.claim("END-6")
@control(sabotage="other-code", checker="both_say")
def test_the_secondary_runs_the_code_of_the_checkpoint(idle_pair: ColoPair, check: Check) -> None:
    """What the primary's guest has changed in its code, the secondary's does too once a checkpoint has brought it."""
    idle_pair.start()
    hear(idle_pair, "host_b")
    idle_pair.vm(Role.PRIMARY).send_console(b"Z")
    hear(idle_pair, "host_a", "Z")
    idle_pair.checkpoint()
    with idle_pair.watching():
        hear(idle_pair, "host_b")

    check(BothSay("Z"))
