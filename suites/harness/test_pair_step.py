"""A checkpoint of a real pair is walked by hand."""

import re
from collections.abc import Iterator

import pytest

from colo_harness.colo.message import TRANSACTION, Message
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.stepper import Stepper
from colo_harness.errors import UsageError
from colo_harness.qemu.topology import Role
from colo_harness.settings import Settings
from suites.harness.test_pair import Desktop, sat_at

TO_THE_COMMIT = """\
checkpoint-reply     host_b -> host_a
vmstate-send         host_a -> host_b
ram                  host_a -> host_b
vmstate-size         host_a -> host_b
device-state         host_a -> host_b
next is vmstate-received, host_b -> host_a; host_a is colo, host_b is (colo|running)
"""


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Desktop]:
    """A desktop with a pair whose checkpoints are only those that are asked for; tests leave none standing."""
    with sat_at(tmp_path_factory.mktemp("run"), settings) as desktop:
        desktop.colo("up", "--guest", "tick", "--delay", "600000")
        yield desktop


def test_steps_are_told(walked: Desktop) -> None:
    """What passed, what is next, and how both sides are; another checkpoint has to wait until this one has ended."""
    assert walked.colo("step") == (
        "checkpoint-request   host_a -> host_b\n"
        "next is checkpoint-reply, host_b -> host_a; host_a is running, host_b is colo\n"
    )
    assert re.fullmatch(TO_THE_COMMIT, walked.colo("step", "--to", "vmstate-received"))
    assert "a checkpoint stands before vmstate-received" in walked.refused("checkpoint")
    assert walked.colo("step", "--end") == "it is done; host_a is running, host_b is running\n"
    assert [side["checkpoints"] for side in walked.status()["hosts"].values()] == [1, 1]


def test_a_part_that_there_is_not_is_refused(walked: Desktop) -> None:
    """With those that there are."""
    told = walked.refused("step", "--to", "vmstate-sent")
    assert re.match("colo: a checkpoint has no 'vmstate-sent'\n  .*vmstate-send", told)


@pytest.mark.topology(guest="tick", relayed=True)
def test_each_step_is_one_part(pair: ColoPair) -> None:
    """A checkpoint has eight; then both sides run, and the next step begins another one."""
    stepper = Stepper(pair)
    assert [stepper.step() for _ in TRANSACTION] == [[part] for part in TRANSACTION]
    assert stepper.stands_at is None
    with pytest.raises(UsageError, match="no checkpoint stands still"):
        stepper.end()
    assert stepper.step(to=Message.RAM) == list(TRANSACTION[:3])
    with pytest.raises(UsageError, match="vmstate-send has passed in this checkpoint; ram is next"):
        stepper.step(to=Message.VMSTATE_SEND)
    stepper.end()
    pair.checkpoint()


@pytest.mark.topology(guest="tick", relayed=True)
def test_a_side_may_be_lost_on_the_way(pair: ColoPair) -> None:
    """Right behind the commit, say; the pair that is resumed can be walked, too."""
    stepper = Stepper(pair)
    stepper.step(to=Message.VMSTATE_LOADED)
    pair.vm(Role.PRIMARY).kill()
    pair.failover_to(Role.SECONDARY)
    assert stepper.stands_at is None
    pair.resume()
    assert stepper.step() == [Message.CHECKPOINT_REQUEST]
    assert stepper.endpoints(Message.CHECKPOINT_REQUEST) == ("host_b", "host_a")
    stepper.end()
