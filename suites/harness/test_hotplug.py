"""What is added to a running QEMU is what its command line would have had."""

from pathlib import Path

from colo_harness.qemu import argv, hotplug
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.topology import Topology

PARTS = {part.id: part for part in argv.primary(Topology(), Files(Path("run")))}


def test_a_chardev() -> None:
    """A server listens, a client does not; the port is a string."""
    data = {"addr": {"type": "inet", "data": {"host": "0.0.0.0", "port": "9003"}}, "server": True}  # noqa: S104 - it is
    added = {"id": "mirror0", "backend": {"type": "socket", "data": data}}
    assert hotplug.command(PARTS["mirror0"]) == ("chardev-add", added)
    client = hotplug.command(PARTS["compare0-0"])[1]["backend"]["data"]
    assert client == {"addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": "9001"}}, "server": False}


def test_an_object_has_the_types_of_its_properties() -> None:
    """Numbers and booleans where qapi/qom.json has them."""
    _, told = hotplug.command(PARTS["comp0"])
    assert (told["qom-type"], told["vnet_hdr_support"], told["compare_timeout"]) == ("colo-compare", True, 3000)
    assert hotplug.command(PARTS["iothread1"]) == ("object-add", {"qom-type": "iothread", "id": "iothread1"})


def test_only_filters_have_a_place() -> None:
    """One is inserted before another; an iothread or colo-compare is in no chain."""
    place = {"insert": "before", "position": "id=rew0"}
    assert hotplug.command(PARTS["m0"], before="rew0")[1].items() >= place.items()
    assert hotplug.command(PARTS["m0"])[1].keys().isdisjoint(place)
    assert hotplug.command(PARTS["comp0"], before="rew0") == hotplug.command(PARTS["comp0"])


def test_the_last_of_each_name_wins() -> None:
    """As on a command line: that is how a sabotage changes a property."""
    part = Part("-object", f"{PARTS['m0'].value},status=off,status=on", "m0")
    assert hotplug.command(part)[1]["status"] == "on"
