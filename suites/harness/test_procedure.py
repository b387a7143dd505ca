"""The QMP commands of a pair are those of QEMU's document, but for the departures that docs/departures.md names."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from colo_harness.colo import pair as pairs
from colo_harness.colo import procedure
from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.told import words
from colo_harness.errors import UsageError
from colo_harness.history import History
from colo_harness.machine.network import COLO_ADDRESS, Network
from colo_harness.machine.site import Here
from colo_harness.qemu import warm
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.promises import contracts, promised
from colo_harness.qemu.release import reference
from colo_harness.qemu.topology import Host, Role, Topology
from colo_harness.qemu.vm import VM
from colo_harness.settings import Settings
from suites.harness.document import Command, Document

NAMES = {"127.0.0.2": COLO_ADDRESS["host_b"]}
"""In the sections looked at here 127.0.0.1 is the loopback, never the primary's address."""
LATER_NAMES = {"127.0.0.1": COLO_ADDRESS["host_a"]}
"""In "Secondary resume replication" it is the new secondary's."""
DELAY = 2000
"""Of the document's step 5."""
EVENTS = {"capability": "events", "state": True}
ANSWERS = {
    "query-status": {"status": "running", "running": True},
    "query-colo-status": {"mode": "none"},
    "query-migrate": {"status": "colo"},
    "query-named-block-nodes": [],
    "human-monitor-command": "",
}
"""What a VM says that has done all that was asked of it."""


OURS = ("vnet_hdr_support", "compare_timeout", "expired_scan_cycle")
"""Properties that the document's objects lack: docs/departures.md, as for the command line."""


@pytest.fixture(scope="module")
def page() -> str:
    """The document that the reference release ships."""
    return reference(Settings()).document.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(page: str) -> Document:
    """The document, with our addresses."""
    return Document(page, NAMES)


class Sent(list[tuple[Host, str, dict[str, Any]]]):
    """Commands in the order of sending, and to whom."""

    def vm(self, host: Host, *_: object, **__: object) -> VM:
        """Make what takes a VM's place."""
        vm = MagicMock(spec=VM, files=MagicMock(), process=MagicMock(), alive=True)
        vm.name = host
        vm.execute.side_effect = self._note(host)
        vm.__enter__.return_value = vm
        return cast("VM", vm)

    def to(self, host: Host) -> list[Command]:
        """Return what `host` was told."""
        return [(command, arguments) for told, command, arguments in self if told == host]

    def _note(self, host: Host) -> Callable[..., Any]:
        def execute(command: str, arguments: dict[str, Any] | None = None, **_: object) -> Any:
            if not command.startswith("query-"):
                self.append((host, command, arguments or {}))
            if command == "query-block-jobs":
                last = [name for name, _ in self.to(host)][-1:]
                return [{"ready": True}] if last in (["drive-mirror"], ["stop"]) else []
            return ANSWERS.get(command, {})

        return execute


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the pair tells its QEMUs, of which there are none."""
    sent = Sent()
    monkeypatch.setattr(pairs, "VM", sent.vm)
    monkeypatch.setattr(warm, "restore", lambda *_, **__: None)
    return sent


@pytest.fixture
def pair(sent: Sent, tmp_path: Path) -> ColoPair:
    """A pair that has been started, as far as it can tell."""
    return pair_of(sent, Contract("11.1.3", "", (), return_path=True, reconnect="reconnect-ms=1000"), tmp_path)


def pair_of(sent: Sent, contract: Contract, folder: Path) -> ColoPair:
    """Return a pair whose QEMUs have this contract, and start it."""
    assert sent == []
    lab = MagicMock(spec=Lab, settings=Settings(), contract=contract, qemu=[], around=None)
    lab.copy.side_effect = lambda _, to: to.touch()
    lab.of.return_value = lab
    network = SimpleNamespace(site=lambda _: Here(), address=COLO_ADDRESS.__getitem__)
    topology = Topology(checkpoint_delay_ms=DELAY)
    pair = ColoPair(topology, lab, cast("Network", network), History(), folder)
    pair.start()
    return pair


def capabilities_first(commands: list[Command]) -> list[Command]:
    """Return the commands with capabilities set before all else, `events` among them."""
    first = [(name, {"capabilities": [*told["capabilities"], EVENTS]}) for name, told in commands if "capab" in name]
    return first + [(name, told) for name, told in commands if "capab" not in name]


@pytest.mark.usefixtures("pair")
def test_the_secondary_is_started_as_documented(document: Document, sent: Sent) -> None:
    """Step 3, and `events`."""
    step_3 = document.commands("startup-qemu")[0]
    assert sent.to("host_b") == capabilities_first(step_3)


@pytest.mark.usefixtures("pair")
def test_the_primary_is_started_as_documented(document: Document, sent: Sent) -> None:
    """Step 4, with the capabilities first and step 5 before its `migrate`; of our own is how fast memory may go."""
    _, step_4, step_5 = document.commands("startup-qemu")
    *before, migrate = capabilities_first(step_4)
    of_ours = ("migrate-set-parameters", {"max-bandwidth": procedure.BANDWIDTH})
    assert sent.to("host_a") == [*before, of_ours, *step_5, migrate]


@pytest.mark.usefixtures("pair")
def test_the_secondary_is_served_before_the_primary_uses_it(sent: Sent) -> None:
    """The document's note to step 3."""
    order = [(host, command) for host, command, _ in sent]
    assert order.index(("host_b", "nbd-server-add")) < order.index(("host_a", "blockdev-add"))
    assert order[-1] == ("host_a", "migrate")


def test_primary_failover_is_as_documented(document: Document, pair: ColoPair, sent: Sent) -> None:
    """Every command, in its order."""
    sent.clear()
    pair.failover_to(Role.PRIMARY)
    assert sent.to("host_a") == document.commands("primary-failover")[0]


def test_secondary_failover_is_as_documented(document: Document, pair: ColoPair, sent: Sent) -> None:
    """Every command, in its order, and `announce-self` once nothing is filtered any more."""
    sent.clear()
    pair.failover_to(Role.SECONDARY)
    names = [command for command, _ in sent.to("host_b")]
    assert names.index("announce-self") > max(at for at, name in enumerate(names) if name == "object-del")
    told = [one for one in sent.to("host_b") if one[0] != "announce-self"]
    assert told == [one for listing in document.commands("secondary-failover") for one in listing]


def resumed(commands: list[Command]) -> list[Command]:
    """Return what is left of a survivor's commands but for our departures: the document's own."""
    told = [(name, arguments) for name, arguments in commands if name not in ("chardev-remove", "chardev-add")]
    told = [(name, arguments) for name, arguments in told if name != "migrate-set-parameters"]
    return [
        (name, {key: value for key, value in arguments.items() if name != "object-add" or key not in OURS})
        for name, arguments in told
    ]


def colo_first(commands: list[Command]) -> list[Command]:
    """Return the commands with capabilities set before all else, those of the start in place of x-colo alone."""
    return_path, x_colo = ({"capability": name, "state": True} for name in ("return-path", "x-colo"))
    *told, capabilities, migrate = commands
    assert capabilities == ("migrate-set-capabilities", {"capabilities": [x_colo]})
    return capabilities_first([(capabilities[0], {"capabilities": [return_path, x_colo]}), *told, migrate])


def test_primary_resume_is_as_documented(document: Document, pair: ColoPair, sent: Sent) -> None:
    """Every command, in its order, with the capabilities first."""
    pair.failover_to(Role.PRIMARY)
    sent.clear()
    pair.resume()
    told = [one for listing in document.commands("primary-resume-replication") for one in listing]
    assert resumed(sent.to("host_a")) == colo_first(told)


def test_secondary_resume_is_as_documented(page: str, pair: ColoPair, sent: Sent) -> None:
    """So is this, with the filters ahead of the rewriter."""
    pair.failover_to(Role.SECONDARY)
    sent.clear()
    pair.resume()
    document = Document(page, LATER_NAMES)
    told = [one for listing in document.commands("secondary-resume-replication") for one in listing]
    assert resumed(sent.to("host_b")) == colo_first(told)


@pytest.mark.parametrize("survivor", list(Role), ids=str)
def test_a_new_secondary_is_started_as_the_first_one(
    document: Document, pair: ColoPair, sent: Sent, survivor: Role
) -> None:
    """The document's steps 2 and 3, before the survivor copies its disk there."""
    pair.failover_to(survivor)
    sent.clear()
    pair.resume()
    assert sent.to(pair.host(Role.SECONDARY)) == capabilities_first(document.commands("startup-qemu")[0])
    order = [(host, command) for host, command, _ in sent]
    served, copied = (pair.host(Role.SECONDARY), "nbd-server-add"), (pair.host(Role.PRIMARY), "drive-mirror")
    assert order.index(served) < order.index(copied)


def test_the_loop_is_made_anew_as_it_was_made(document: Document, pair: ColoPair, sent: Sent) -> None:
    """What the document adds once, in Secondary Failover, a survivor gets at each resume, before anything uses it."""
    pair.failover_to(Role.PRIMARY)
    sent.clear()
    pair.resume()
    opened = [one for listing in document.commands("secondary-failover") for one in listing if one[0] == "chardev-add"]
    closed = [("chardev-remove", {"id": name}) for name in procedure.LOOP]
    told = [one for one in opened if one[1]["id"] in procedure.LOOP]
    assert sent.to("host_a")[: 2 * len(procedure.LOOP)] == [*closed, *told]


def test_a_survivor_resumes_as_often_as_it_is_left(pair: ColoPair, sent: Sent) -> None:
    """One that was a secondary once has its rewriter for ever, and is told the same each time."""
    pair.failover_to(Role.SECONDARY)
    sent.clear()
    pair.resume()
    first = sent.to("host_b")
    pair.failover_to(Role.PRIMARY)
    sent.clear()
    pair.resume()
    assert sent.to("host_b") == first


def test_a_pair_resumes_only_after_a_failover(pair: ColoPair) -> None:
    """Neither one that replicates nor one that replicates again."""
    with pytest.raises(UsageError, match="nothing to resume"):
        pair.resume()
    pair.failover_to(Role.PRIMARY)
    pair.resume()
    with pytest.raises(UsageError, match="nothing to resume"):
        pair.resume()


def test_the_disks_stay_with_the_host(pair: ColoPair) -> None:
    """A new QEMU finds what the lost one left, in a folder of its own; buffers are made where there were none."""
    left = pair.files["host_a"]
    left.disk.write_text("left", encoding="utf-8")
    pair.failover_to(Role.SECONDARY)
    pair.resume()
    found = pair.files["host_a"]
    assert (left.folder.name, found.folder.name, found.next().folder.name) == ("host_a", "host_a-2", "host_a-3")
    assert found.disk.read_text(encoding="utf-8") == "left"
    assert found.active.exists()
    assert found.hidden.exists()


@pytest.mark.parametrize("release", [one.seen_on[0] for one in contracts()])
def test_a_pair_is_told_what_its_contract_promises(sent: Sent, tmp_path: Path, release: str) -> None:
    """Above all how the primary gets at the secondary's export, and how it lets go of it."""
    made = pair_of(sent, Contract(release, "", (), return_path=False, reconnect="reconnect=1"), tmp_path)
    made.failover_to(Role.PRIMARY)
    told = [words(command, arguments) for command, arguments in sent.to("host_a")]
    kept = [one for one in told if not one.startswith(("migrate-set", "query-"))]
    promises = promised(release)
    assert kept == [*promises.procedures["start-primary"], *promises.procedures["primary-failover"]]
