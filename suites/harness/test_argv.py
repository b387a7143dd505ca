"""The command lines are those of QEMU's document, but for the departures that docs/departures.md names."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from colo_harness.qemu import argv
from colo_harness.qemu.argv import Boot, Files
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.release import reference
from colo_harness.qemu.topology import Host, Role, Topology
from colo_harness.settings import Settings
from suites.harness.document import Document, Option, options

FILES = Files(Path("run"))
PRIMARY_ADDRESS = "10.88.0.1"
NAMES = {
    "$imagefolder/primary.qcow2": str(FILES.disk),
    "$imagefolder/secondary-active.qcow2": str(FILES.active),
    "$imagefolder/secondary-hidden.qcow2": str(FILES.hidden),
    "$primary_ip": PRIMARY_ADDRESS,
}
HOSTS: dict[Role, Host] = {Role.PRIMARY: "host_a", Role.SECONDARY: "host_b"}
CONTRACT = Contract("11.1.3", "", (), return_path=True, reconnect="reconnect-ms=1000")
BOOT = Boot(Path("kernel"), Path("initrd"), "quiet")
PROXY = ("m0", "redire0", "redire1", "comp0")
"""The parts of a primary's proxy that see frames."""
LIKE_THE_DOCUMENT = Topology(accel="kvm")


@dataclass(frozen=True)
class Change:
    """How an option differs from the document's: its kind, properties set, properties left out."""

    kind: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    without: tuple[str, ...] = ()

    def of(self, option: Option) -> Option:
        """Return the option as we write it."""
        kept = {name: value for name, value in option.properties.items() if name not in self.without}
        return Option(option.flag, self.kind or option.kind, {**kept, **dict(self.properties)})


HEADERS = ("vnet_hdr_support", "on")
QEMUS_TIMING = (("compare_timeout", "3000"), ("expired_scan_cycle", "1000"))
FILTERS = ("m0", "redire0", "redire1", "f1", "f2", "rew0")
CHANGED = {
    ("-chardev", "compare1"): Change(properties=(("wait", "off"),)),
    ("-netdev", "hn0"): Change(
        properties=(("ifname", "tap0"), ("script", "no"), ("downscript", "no")), without=("helper",)
    ),
    ("-device", "e0"): Change("virtio-net-pci", (("mac", argv.GUEST_MAC), ("romfile", ""))),
    ("-drive", "colo-disk0"): Change(properties=(("if", "virtio"),)),
    ("-object", "comp0"): Change(properties=(HEADERS, *QEMUS_TIMING)),
    **{("-object", name): Change(properties=(HEADERS,)) for name in FILTERS},
}
REPLACED = {"-enable-kvm", "-m", "-name", "-qmp"}
"""Options of the document that have another value here: memory, names, sockets; -accel says what -enable-kvm does."""
LEFT_OUT = {("-device", "piix3-usb-uhci"), ("-device", "usb-tablet")}
ADDED_FLAGS = {
    *("-machine", "-accel", "-nodefaults", "-display", "-no-reboot", "-msg", "-trace", "-D", "-serial"),
    *("-kernel", "-initrd", "-append", "-fw_cfg"),
}
ADDED = {("-chardev", "console0")}


@pytest.fixture(scope="module")
def document() -> Document:
    """The document that the reference release ships."""
    return Document(reference(Settings()).document.read_text(encoding="utf-8"), NAMES)


def ours(role: Role, topology: Topology) -> list[Option]:
    """Return the options of our command line."""
    shared = argv.machine(topology, FILES, host=HOSTS[role], boot=BOOT if topology.networked else None)
    parts = argv.role_parts(role, topology, FILES, CONTRACT, primary_address=PRIMARY_ADDRESS)
    return options(list(shared.joined(parts)))


def documented(document: Document, role: Role) -> Iterator[Option]:
    """Yield the document's options, each as argv.py says that we write it."""
    for option in document.command_lines()[list(Role).index(role)]:
        if option.flag not in REPLACED and option.key not in LEFT_OUT:
            yield CHANGED.get(option.key, Change()).of(option)


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_command_line_is_the_documents(document: Document, role: Role) -> None:
    """Every object, chardev, drive, netdev and device has the document's id, order and properties."""
    told = {option.key: option for option in documented(document, role)}
    here = [option for option in ours(role, LIKE_THE_DOCUMENT) if option.flag not in REPLACED | ADDED_FLAGS]
    assert {option.key: option for option in here if option.key not in ADDED} == told


@pytest.mark.parametrize("flag", ["-chardev", "-object", "-drive"])
@pytest.mark.parametrize("role", list(Role), ids=str)
def test_order_is_the_documents(document: Document, role: Role, flag: str) -> None:
    """Filters see packets in the order in which they are made; chardevs connect in theirs."""
    here = [option.key for option in ours(role, LIKE_THE_DOCUMENT) if option.flag == flag]
    assert [key for key in here if key not in ADDED] == [o.key for o in documented(document, role) if o.flag == flag]


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_boot_sectors_have_the_documents_drives(document: Document, role: Role) -> None:
    """A tick guest has IDE, as the document has it, and no network."""
    told = document.command_lines()[list(Role).index(role)]
    here = ours(role, Topology(guest="tick"))
    assert [o for o in here if o.flag == "-drive"] == [o for o in told if o.flag == "-drive"]
    assert {o.key for o in here if o.flag in ("-chardev", "-object", "-netdev", "-device")} == ADDED


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_every_departure_departs(document: Document, role: Role) -> None:
    """A departure that the document has caught up with is to be taken off the list."""
    told = document.command_lines()[list(Role).index(role)]
    assert [o.key for o in told if o.key in CHANGED and CHANGED[o.key].of(o) == o] == []
    assert {o.flag for o in told} >= REPLACED
    assert {o.key for o in told} >= LEFT_OUT
    assert not {o.flag for o in told} & ADDED_FLAGS


def test_older_chardevs_reconnect_in_seconds() -> None:
    """What a release calls it is the contract's to say; nothing else depends on it."""
    old = replace(CONTRACT, reconnect="reconnect=1")
    graph = argv.secondary(Topology(), FILES, old, primary_address=PRIMARY_ADDRESS)
    chardevs = [part.value for part in graph if part.flag == "-chardev"]
    assert len(chardevs) == 2
    assert all(value.endswith(",reconnect=1") for value in chardevs)


def test_a_part_can_be_left_out_or_changed() -> None:
    """What sabotages do to a graph touches that part alone."""
    graph = argv.machine(Topology(), FILES, host="host_b", boot=BOOT)
    whole = graph.joined(argv.secondary(Topology(), FILES, CONTRACT, primary_address=PRIMARY_ADDRESS))
    assert set(whole.parts) - set(whole.without("rew0").parts) == {p for p in whole.parts if p.id == "rew0"}
    changed = set(whole.adding("rew0", "status=off").parts) - set(whole.parts)
    assert [part.value.endswith(",status=off") for part in changed] == [True]


def test_one_part_alone_lacks_headers() -> None:
    """The named part of the proxy, and no other."""
    whole, lame = (argv.primary(topology, FILES) for topology in (Topology(), Topology(headerless="comp0")))
    changed = [part for part, other in zip(whole, lame, strict=True) if part != other]
    assert [part.id for part in changed] == ["comp0"]
    assert [part.id for part in lame if part.id in PROXY and "vnet_hdr_support" not in part.value] == ["comp0"]
