"""The QMP commands of a pair are those of QEMU's document, but for the departures that docs/departures.md names."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from colo_harness.colo import pair as pairs
from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.history import History
from colo_harness.machine.network import COLO_ADDRESS, Network
from colo_harness.qemu import warm
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.release import reference
from colo_harness.qemu.topology import Host, Role, Topology
from colo_harness.qemu.vm import VM
from colo_harness.settings import Settings
from suites.harness.document import Command, Document

NAMES = {"127.0.0.2": COLO_ADDRESS["host_b"]}
"""In the sections looked at here 127.0.0.1 is the loopback, never the primary's address."""
DELAY = 2000
"""Of the document's step 5."""
EVENTS = {"capability": "events", "state": True}
ANSWERS = {
    "query-status": {"status": "running", "running": True},
    "query-colo-status": {"mode": "none"},
    "query-migrate": {"status": "colo"},
}
"""What a VM says that has done all that was asked of it."""


@pytest.fixture(scope="module")
def document() -> Document:
    """The document that the reference release ships."""
    return Document(reference(Settings()).document.read_text(encoding="utf-8"), NAMES)


class Sent(list[tuple[Host, str, dict[str, Any]]]):
    """Commands in the order of sending, and to whom."""

    def vm(self, host: Host, *_: object, **__: object) -> VM:
        """Make what takes a VM's place."""
        vm = MagicMock(spec=VM, files=MagicMock(), alive=True)
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
    assert sent == []
    contract = Contract("11.1.3", "", (), return_path=True, reconnect="reconnect-ms=1000")
    lab = MagicMock(spec=Lab, settings=Settings(), contract=contract, qemu=[], around=None)
    network = SimpleNamespace(host=lambda _: None, address=COLO_ADDRESS.__getitem__)
    topology = Topology(checkpoint_delay_ms=DELAY)
    pair = ColoPair(topology, lab, cast("Network", network), History(), tmp_path)
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
    """Step 4, with the capabilities first and step 5 before its `migrate`."""
    _, step_4, step_5 = document.commands("startup-qemu")
    *before, migrate = capabilities_first(step_4)
    assert sent.to("host_a") == [*before, *step_5, migrate]


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
