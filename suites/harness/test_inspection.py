"""What a QEMU of a real pair tells of its parts."""

import pytest

from colo_harness.colo.inspection import inspect
from colo_harness.colo.pair import ColoPair
from colo_harness.qemu.topology import Role


def test_both_sides_tell_their_parts(pair: ColoPair) -> None:
    """State, filters, comparison, streams with their ends, and disks down to files; a dead one is gone."""
    primary, secondary = (inspect(pair.vm(role)) for role in Role)
    for text in (
        "run state running, COLO mode primary, last mode none",
        "filter-mirror m0: status on, queue tx, outdev mirror0",
        "colo-compare comp0: ",
        "stream mirror0: tcp:10.88.0.1:9003,server=on <-> 10.88.0.2:",
        "children.1: nbd nbd://10.88.0.2:9999/parent0",
    ):
        assert text in primary
    assert "filter-rewriter rew0: status on, queue all" in secondary
    assert "file: file active.qcow2" in secondary
    assert "ABSENT" not in primary + secondary
    pair.vm(Role.SECONDARY).kill()
    assert inspect(pair.vm(Role.SECONDARY)) == "host_b: its QEMU is gone\n"


@pytest.mark.parametrize("sabotage", ["no-rewriter"], indirect=True)
def test_what_a_side_lacks_is_named(pair: ColoPair) -> None:
    """Before its promotion, and after it."""
    lack = "filter-rewriter rew0: ABSENT, which the document gives a"
    assert f"{lack} secondary side" in inspect(pair.vm(Role.SECONDARY))
    pair.failover_to(Role.SECONDARY)
    assert f"{lack} promoted side" in inspect(pair.vm(Role.PRIMARY))
