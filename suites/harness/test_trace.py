"""QEMU's trace lines are understood in the form of each release."""

import pytest

from colo_harness.qemu.trace import Trace

NEW, OLD = "2026-11-28T13:13:50.259035Z ", "4902@1795871630.259035:"
AT = 1795871630.259035


@pytest.mark.parametrize("stamp", [NEW, OLD], ids=["11.1", "10.0"])
def test_a_message_and_its_moment_are_found(stamp: str) -> None:
    """Both forms of the stamp name the same moment."""
    found = Trace.of(f"{stamp}colo_send_message Send 'vmstate-size' message")
    assert found == Trace(AT, "colo_send_message", message="vmstate-size")


@pytest.mark.parametrize("stamp", [NEW, OLD], ids=["11.1", "10.0"])
def test_a_frame_that_waits_too_long_is_found(stamp: str) -> None:
    """With the moment at which it came."""
    found = Trace.of(f"{stamp}colo_old_packet_check_found 1795871629500")
    assert found == Trace(AT, "colo_old_packet_check_found", born=1795871629.5)


@pytest.mark.parametrize("line", ["", f"{NEW}colo_vm_state_change switch to state", "colo_send_message 'x'"])
def test_anything_else_is_passed_over(line: str) -> None:
    """Another event, or a line without a stamp."""
    assert Trace.of(line) is None
