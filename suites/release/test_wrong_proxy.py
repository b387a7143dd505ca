"""A proxy that is not put together as documented, and servers that come up in another order."""

from typing import Any

import pytest

from colo_harness.colo import start
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MonitorLost
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge import Violation, no_reset
from colo_harness.judge.pacing import NoForcedCheckpoint
from colo_harness.judge.refusals import Refused
from colo_harness.proxy import vhost
from colo_harness.proxy.netdev import Netdev
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from fixtures.claims import control
from fixtures.pair import Check

HEADERS = pytest.mark.xfail(
    strict=True, raises=(MonitorLost, Violation), reason="finding: docs/findings/0108-one-part-without-headers.md"
)


def bare(part: str, *marks: Any) -> Any:
    """Return the set-up whose proxy has this one part without vnet_hdr_support."""
    return pytest.param(part, marks=[pytest.mark.topology(headerless=part), *marks])


PARTS = [
    bare("m0"),
    bare("f2", HEADERS),
    bare("redire0", HEADERS, pytest.mark.slow),
    bare("comp0", HEADERS, pytest.mark.slow),
    bare("redire1", HEADERS, pytest.mark.slow),
    bare("f1", pytest.mark.slow),
    bare("rew0", pytest.mark.slow),
]
"""The rest is slow: as m0 are f1 and rew0, as f2 is comp0; without redire0 or redire1 the guest is mute."""


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=100)
@pytest.mark.answers(within=4)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.regression("crash with TCG")
@pytest.mark.claim("ERR-8")
@control(sabotage="patient-compare", checker="no_reset", on="m0")
def test_one_part_without_headers_ends_nothing(idle_pair: ColoPair, client: Client, check: Check, part: str) -> None:
    """Where one part of the proxy alone has no vnet_hdr_support no QEMU ends by it, and sessions are answered."""
    idle_pair.attempt_start()
    client.echo(part).exchange(2)

    check(no_reset)


@pytest.mark.claim("ERR-9")
@control(sabotage="netdev-elsewhere", checker="refused")
def test_a_netdev_with_vhost_is_refused(netdev: Netdev, check: Check) -> None:
    """No filter is put on a netdev whose frames go round QEMU, and QEMU says why."""
    netdev.chardev("outdev")
    with vhost.Backend(netdev.bench):
        netdev.bench.try_to_make("filter-mirror", "m0", {"netdev": vhost.NETDEV, "outdev": "outdev"})

    check(Refused(("Vhost is not supported",)))


@pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=1000, scan_cycle_ms=250)
@pytest.mark.regression("crash with TCG")
@pytest.mark.claim("ERR-10")
@control(sabotage="mirror-off", checker="no_forced_checkpoint")
def test_the_secondary_may_be_first(idle_pair: ColoPair, client: Client, nemesis: Nemesis, check: Check) -> None:
    """A secondary that is there, and serves its disk, before its primary finds it; answers that are alike pass."""
    nemesis.allow("stderr-network")
    idle_pair.carry_out([start.prepare_disks])
    idle_pair.launch(Role.SECONDARY, [])
    idle_pair.carry_out([start.serve_replica, start.start_primary, start.ready_guest, start.set_capabilities])
    idle_pair.carry_out([start.attach_replica, start.enter])
    idle_pair.checkpoint()
    with idle_pair.watching():
        client.echo().exchange(1)

    check(NoForcedCheckpoint(), no_reset)
