"""The secondary on the service network before its promotion: nobody hears it."""

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.faults.cut import Cut
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.history import History
from colo_harness.judge.frames import SecondarySilent
from colo_harness.judge.sessions import exercised
from colo_harness.machine.capture import Capture
from colo_harness.qemu.topology import Channel, Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.frames import record_frames
from fixtures.claims import control
from fixtures.pair import Check

pytestmark = pytest.mark.topology(checkpoint_delay_ms=60_000, compare_timeout_ms=500, scan_cycle_ms=250)


@pytest.mark.claim("PROXY-5")
@control(sabotage="leaky-secondary", checker="secondary_silent")
def test_the_secondary_is_silent_until_promoted(
    pair: ColoPair, client: Client, nemesis: Nemesis, history: History, capture: Capture, check: Check
) -> None:
    """No frame of the guest comes from the secondary's host before its promotion; they all do afterwards."""
    sessions = [client.echo(), client.log(), client.udp_echo(), client.ping()]
    with Crowd(sessions, grace=1) as crowd:
        crowd.work(0.5)
        pair.checkpoint()
        crowd.work(0.5)
        nemesis.inject(Kill(Role.PRIMARY))
        crowd.work(0.5)
        pair.failover_to(Role.SECONDARY)
        crowd.work(1.5)
    record_frames(capture, history)

    check(SecondarySilent(), exercised)


@pytest.mark.claim("PROXY-5")
@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("channel", list(Channel), ids=lambda channel: channel.name.lower())
def test_a_cut_stream_gives_the_secondary_no_voice(
    client: Client, nemesis: Nemesis, history: History, capture: Capture, check: Check, channel: Channel
) -> None:
    """No frame of the guest comes from the secondary's host when one of the streams between the hosts breaks."""
    with Crowd([client.echo(), client.log(), client.udp_echo(), client.download()], grace=1) as crowd:
        crowd.wait_acknowledged(each=10, timeout=20)
        nemesis.inject(Cut(channel))
        crowd.work(1.5)
    record_frames(capture, history)

    check(SecondarySilent())
