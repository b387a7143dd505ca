"""Variants of the set-up: what each changes of a command line and of the commands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from colo_harness.colo import procedure_2016
from colo_harness.colo.procedure_2016 import NAMES
from colo_harness.errors import ProductFailure
from colo_harness.qemu import argv
from colo_harness.qemu.argv import Files
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM

CONTRACT = Contract("11.1.3", "", (), return_path=True, reconnect="reconnect-ms=1000")
HERE, PRIMARY, SECONDARY = Path("host_b"), "10.88.0.1", "10.88.0.2"
PRINTED = {
    "2016": f"driver=nbd,file.host={SECONDARY},file.port=9999,file.export=colo-disk0,node-name=node0",
    "COLO-FT": f"driver=nbd,file.host={SECONDARY},file.port=9999,file.export=parent0,node-name=replication0",
}
"""The end of each document's `drive_add`, with our address and port."""


def secondary(topology: Topology, files: Files) -> Mapping[str, list[str]]:
    """Return the values of each option of a secondary."""
    told: dict[str, list[str]] = {}
    for part in argv.secondary(topology, files, CONTRACT, primary_address=PRIMARY):
        told.setdefault(part.flag, []).append(part.value)
    return told


def answering(*answers: Any) -> VM:
    """Return a VM that gives these answers, one after the other."""
    vm = MagicMock(spec=VM, execute=MagicMock(side_effect=answers))
    vm.name = "host_a"
    return cast("VM", vm)


def said(vm: VM) -> list[tuple[Any, ...]]:
    """Return what the VM was told."""
    return [call.args for call in cast("MagicMock", vm.execute).call_args_list]


def human(line: str) -> tuple[str, dict[str, str]]:
    """Return the command that gives a line to the human monitor."""
    return "human-monitor-command", {"command-line": line}


def test_a_secondary_that_stands_by_does_not_run() -> None:
    """It is halted, and nobody can migrate to it; disks and NBD are as ever."""
    usual, standing = (secondary(Topology(guest="tick", standby=which), Files(HERE)) for which in (False, True))
    assert usual["-incoming"] == ["tcp:0.0.0.0:9998"]
    assert "-S" not in usual
    assert "-incoming" not in standing
    assert standing["-S"] == [""]
    assert standing["-drive"] == usual["-drive"]


@pytest.mark.parametrize("document", ["qemu-colo", "2016"])
def test_buffers_may_lie_elsewhere(document: Any) -> None:
    """Active and hidden disk, in a folder of their own there, and nothing else."""
    topology, room = Topology(document=document), Path("room")
    usual, moved = (secondary(topology, Files(HERE, room=where)) for where in (None, room))
    for name in ("active", "hidden"):
        assert f"filename={HERE / name}.qcow2" in str(usual["-drive"])
        assert f"filename={room / HERE / name}.qcow2" in str(moved["-drive"])
    back = [value.replace(f"{room}/", "") for value in moved["-drive"]]
    assert back == usual["-drive"]
    assert Files(HERE, room=room).next().active == room / "host_b-2" / "active.qcow2"


@pytest.mark.parametrize("document", NAMES)
def test_old_documents_attach_by_drive_add(document: str) -> None:
    """With their own words, and by the name that they give the node."""
    vm, names = answering("", None), NAMES[document]
    procedure_2016.attach_replica(vm, SECONDARY, names)
    line = f"drive_add -n buddy driver=replication,mode=primary,file.{PRINTED[document]}"
    assert said(vm) == [human(line), ("x-blockdev-change", {"parent": "colo-disk0", "node": names.child})]


@pytest.mark.parametrize("document", NAMES)
def test_old_documents_detach_by_drive_del(document: str) -> None:
    """The node must be gone afterwards, whatever is said of a peer that is."""
    names = NAMES[document]
    gone, kept = ([{"node-name": name}] for name in ("colo-disk0", names.child))
    vm = answering(None, "the peer is gone", gone)
    procedure_2016.detach_replica(vm, names)
    removed = ("x-blockdev-change", {"parent": "colo-disk0", "child": "children.1"})
    assert said(vm)[:2] == [removed, human(f"drive_del {names.child}")]
    with pytest.raises(ProductFailure, match=f"host_a keeps {names.child}: in use"):
        procedure_2016.detach_replica(answering(None, "in use", kept), names)
