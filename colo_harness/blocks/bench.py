"""The bench of block replication: the documents' procedure, step by step, on two bare QEMUs without a machine."""

import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from colo_harness.blocks import journal
from colo_harness.blocks.graph import ACTIVE, CHILD, CLIENT, DISK, LOCAL, PARENT, THROUGH, Design, Node
from colo_harness.blocks.guest import SECTOR, SECTORS, Guest, before, runs, values
from colo_harness.blocks.nbd import Command, Export
from colo_harness.blocks.sabotage import SOUND, Sabotage
from colo_harness.blocks.side import Lacking, Launch, Side
from colo_harness.errors import CommandError, MonitorLost, ProductFailure
from colo_harness.history import History
from colo_harness.qemu.disk import BLOCK, ImageTool
from colo_harness.settings import Timeouts
from colo_harness.wait import wait_until

NAME = "bench"
"""Of what is done from outside, in histories."""
COMMANDS = ("xen-set-replication", "xen-colo-do-checkpoint", "query-xen-replication-status")
PEER_LOST = ("killed", "stderr-nbd")
SIZE = SECTORS * SECTOR


@dataclass(frozen=True)
class Room:
    """What all benches of a run share; `templates` is a folder with the images that are copied."""

    launch: Launch
    images: ImageTool
    templates: Path
    timeouts: Timeouts


def prepare(images: ImageTool, folder: Path) -> None:
    """Make the images that benches copy: what both disks hold before all, and buffers: empty, dirty, too short."""
    raw = folder / "raw"
    kinds = {
        "before": (before(), SIZE),
        "empty": (b"", SIZE),
        "dirty": (b"\x1f" * SIZE, SIZE),
        "short": (b"", SIZE // 2),
    }
    for name, (content, size) in kinds.items():
        raw.write_bytes(content)
        images.create_from(folder / name, raw, size=size)
    raw.unlink()


class Disks:
    """The disks of a primary and a secondary, in `folder`; leaving the context ends both QEMUs.

    `make` comes first, then `start`, and so on in the order of the documents; everything goes into the history, which
    a step that QEMU refuses leaves with a CommandError. Raises LaunchFailure, Lacking.
    """

    def __init__(self, room: Room, folder: Path, history: History, design: Design, sabotage: Sabotage = SOUND) -> None:
        self._history = history
        self.design = sabotage.applied(design)
        self._room = room
        self._folder = folder
        self._sabotage = sabotage
        self._closing = ExitStack()
        self._server = folder
        self._lost: list[Side] = []
        self.parted = False
        """Whether each side goes on alone."""
        try:
            self.primary, self.secondary = (self._side(name) for name in ("primary", "secondary"))
            self._demand()
        except BaseException:
            self._closing.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for side in (self.primary, self.secondary):
            side.dismiss()
        self._closing.close()

    @property
    def history(self) -> History:
        """Where everything goes but the events of the QEMUs; may be set anew before `make`."""
        return self._history

    @history.setter
    def history(self, history: History) -> None:
        self._history = self.primary.history = self.secondary.history = history

    @property
    def guests(self) -> tuple[Guest, Guest]:
        """The guests of the primary and of the secondary."""
        return self.primary.guest, self.secondary.guest

    def make(self) -> None:
        """Copy the images, and make the block graphs of both sides."""
        self.make_secondary()
        self.primary.add([self.design.image("local", LOCAL, self._folder)])
        if self.design.remote_first:
            self.primary.add([*self.design.child(self._server), self.design.quorum(LOCAL, CHILD)])
        else:
            self.primary.add([self.design.quorum(LOCAL)])
        self.primary.serve(self._values["primary"], through=self.design.cache in THROUGH)
        if self.design.linked and not self.design.remote_first:
            self._attach()

    def make_secondary(self, change: Callable[[list[Node]], None] | None = None, *, exported: bool = True) -> None:
        """Copy the images, and make the secondary's graph, to which `change` may have done something."""
        self.parted = False
        self._values = {side: values(side) for side in ("primary", "secondary")}
        kinds = {"local": "before", "parent": "before", "active": self.design.buffers, "hidden": self.design.buffers}
        for place, kind in kinds.items():
            shutil.copyfile(self._room.templates / kind, self._image(place))
        (self._folder / "journal").write_bytes(b"")
        self.history.record("phase", NAME, "made", design=str(self.design), sectors=SECTORS)
        self._do("spoil", lambda: None)
        nodes = self.design.secondary(self._folder)
        if change:
            change(nodes)
        self.secondary.add(nodes)
        self._server = self.secondary.serve(self._values["secondary"], also=PARENT if exported else None)

    def start(self) -> None:
        """Start replication, on the secondary first."""
        self._do("start", self._start)
        self.history.record("phase", NAME, "started")

    def checkpoint(self) -> None:
        """Tell both sides that a checkpoint is done."""
        self._do("checkpoint", self._checkpoint)
        self.history.record("phase", NAME, "checkpoint")

    def lose(self, side: Side, *, hang: bool = False) -> None:
        """Kill a side's QEMU, or freeze it for good."""
        what = f"{'freeze' if hang else 'kill'}-{side.name}"
        self.history.record("fault", NAME, what, type="inject", fault=0, allows=list(PEER_LOST))
        side.qemu.process.signal(signal.SIGSTOP if hang else signal.SIGKILL)
        if not hang:
            side.qemu.process.wait(self._room.timeouts.command)
        self._lost.append(side)
        self.history.record("fault", NAME, what, type="bitten", fault=0)

    def detach(self) -> None:
        """Take the dead child out of the primary's quorum, as the documents do."""
        self.history.record("phase", NAME, "failover")
        self._do("detach", self._detach)
        self.history.record("phase", NAME, "detached")
        self.parted = True

    def yank(self) -> None:
        """Break the primary's connection to a secondary that hangs."""
        name = CHILD if self.design.form == "nbd" else CLIENT
        self.primary.qemu.execute("yank", {"instances": [{"type": "block-node", "node-name": name}]})
        self.history.record("phase", NAME, "yanked")

    def promote(self) -> None:
        """Make the secondary the survivor, as the documents do; its guest keeps its disk."""
        self.part()
        self._do("promote", self._promote)
        self.history.record("phase", NAME, "promoted")
        self.secondary.serve(self._values["secondary"])

    def part(self) -> None:
        """Stop the secondary's NBD server, the first step of its promotion."""
        self.history.record("phase", NAME, "failover")
        self.secondary.dismiss()
        self.secondary.qemu.execute("nbd-server-stop")

    def await_commit(self) -> None:
        """Return once a promoted secondary has put its buffers into its disk, or says that it cannot.

        Raises WaitTimeout.
        """

        def over() -> bool:
            if self.secondary.status()["error"]:
                return True
            nodes = self.secondary.qemu.execute("query-named-block-nodes", {"flat": True})
            return ACTIVE not in (node["node-name"] for node in nodes)

        wait_until("the secondary to commit its buffers", over, timeout=self._room.timeouts.command)

    def tell(self, side: Side, command: str, *, refusing: bool = False, **arguments: Any) -> bool:
        """Give a command and tell whether QEMU obeyed.

        Where it does not, or ends, record that if it may be `refusing`, else raise CommandError, MonitorLost.
        """
        try:
            side.qemu.execute(command, arguments)
        except (CommandError, MonitorLost) as refused:
            if not refusing:
                raise
            if isinstance(refused, MonitorLost):
                side.qemu.process.wait(self._room.timeouts.command)
            said = refused.description if isinstance(refused, CommandError) else refused.brief
            self.history.record("observe", side.name, "refused", value=said, command=command)
            return False
        self.history.record("observe", side.name, "obeyed", value=arguments, command=command)
        return True

    def look(self, moment: str) -> None:
        """Let both guests read all of their disks, and ask both sides for the state of replication."""
        for guest in self.guests:
            guest.read()
        self.ask_status(moment)

    def ask_status(self, moment: str) -> None:
        """Record what each living side says of the state of replication."""
        for side in self._living():
            self.history.record("observe", side.name, "replication", moment=moment, value=side.status())

    def write_behind(self, sector: int, number: int = 1) -> None:
        """Change the secondary's disk behind the primary's back, over the same NBD server. Raises ProductFailure."""
        value = next(self._values["secondary"])
        operation = self.history.invoke("parent", "write", sector=sector, number=number, value=value)
        with closing(Export(self._server, PARENT, timeout=self._room.timeouts.command)) as export:
            export.ask(Command.WRITE, at=sector * SECTOR, content=bytes([value]) * number * SECTOR)
            if error := export.answer()[1]:
                raise ProductFailure(f"the secondary's disk refused a write: errno {error}")
        operation.ok()

    def spoil(self, sector: int) -> None:
        """Change a sector of the secondary's image, which no QEMU has open yet."""
        block = sector * SECTOR // BLOCK
        self._room.images.write(self._image("parent"), block, bytes([0x1E]) * BLOCK)

    def allow(self, *symptoms: str) -> None:
        """Declare symptoms that the test brings about."""
        self.history.record("fault", NAME, "declared", type="allow", allows=list(symptoms))

    def quit(self, side: Side) -> None:
        """Ask a QEMU to end, and wait for it. Raises WaitTimeout."""
        self._lost.append(side)
        self.history.record("phase", NAME, "end")
        if self.tell(side, "quit", refusing=True):
            side.qemu.process.wait(self._room.timeouts.command)

    def take_down(self) -> None:
        """Delete the nodes of both sides that still live; the images are closed then."""
        self.history.record("phase", NAME, "end")
        if self.secondary in self._living():
            self.tell(self.secondary, "xen-set-replication", refusing=True, enable=False, primary=False)
        for side in self._living():
            side.clear()

    def read_images(self, *places: str) -> None:
        """Read images that no QEMU has open any more, each alone."""
        for place in places or ("local", "parent"):
            operation = self.history.invoke(f"{place} image", "read", sector=0, number=SECTORS)
            content = self._room.images.read(self._image(place), 0, SIZE // BLOCK)
            operation.ok(runs=runs(content))

    def weigh_buffers(self, moment: str) -> None:
        """Record how many bytes active and hidden disk have allocated; no QEMU has them open."""
        held = {place: self._room.images.allocated(self._image(place)) for place in ("active", "hidden")}
        self.history.record("observe", "secondary", "buffers", moment=moment, value=held)

    def note_journal(self) -> None:
        """Record how far the journal has come; it tells of what a flush has put on the medium."""
        self.history.record("observe", NAME, "journal", value=len(journal.entries(self._folder / "journal")))

    def replay_journal(self) -> None:
        """Read the image that a power cut would leave, after each entry of the journal."""
        fresh = self._folder / "fresh"
        shutil.copyfile(self._room.templates / "before", fresh)
        writes = journal.entries(self._folder / "journal")
        for number in range(len(writes) + 1):
            journal.cut(fresh, writes[:number], self._image("cut"))
            operation = self.history.invoke("power cut", "read", sector=0, number=SECTORS, entries=number)
            operation.ok(runs=runs(self._room.images.read(self._image("cut"), 0, SIZE // BLOCK)))

    def collect(self) -> None:
        """Record what both QEMUs have left."""
        for side in (self.primary, self.secondary):
            side.collect()

    def _living(self) -> list[Side]:
        return [side for side in (self.primary, self.secondary) if side not in self._lost]

    def _side(self, name: str) -> Side:
        side = Side(name, self._room.launch, self._folder, self.history, timeout=self._room.timeouts.command)
        self._closing.enter_context(side.qemu)
        return side

    def _demand(self) -> None:
        known = {each["name"] for each in self.primary.qemu.execute("query-commands")}
        if missing := [name for name in COMMANDS if name not in known]:
            raise Lacking(", ".join(missing))

    def _image(self, place: str) -> Path:
        return self._folder / f"{place}.qcow2"

    def _do(self, step: str, work: Callable[[], None]) -> None:
        other = self._sabotage.instead.get(step)
        if other:
            other(self)
        else:
            work()

    def _attach(self) -> None:
        self.primary.add(self.design.child(self._server))
        self.primary.qemu.execute("x-blockdev-change", {"parent": DISK, "node": CHILD})

    def _start(self) -> None:
        for side in (self.secondary, self.primary):
            self.tell(side, "xen-set-replication", enable=True, primary=side is self.primary)

    def _checkpoint(self) -> None:
        for side in (self.primary, self.secondary):
            self.tell(side, "xen-colo-do-checkpoint")

    def _detach(self) -> None:
        self.primary.qemu.execute("x-blockdev-change", {"parent": DISK, "child": "children.1"})
        self.primary.delete(CHILD)

    def _promote(self) -> None:
        self.tell(self.secondary, "xen-set-replication", enable=False, primary=False, failover=True)
