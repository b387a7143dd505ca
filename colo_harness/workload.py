"""A workload: a guest, what its clients do, and for how long; run as a pair it is explained."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import cast

from colo_harness.colo.lab import Lab
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.wiretap import Wiretap
from colo_harness.errors import ProductFailure, UsageError, WaitTimeout
from colo_harness.history import Entry, History, Kind
from colo_harness.judge.explanation import Explanation, explain
from colo_harness.judge.moments import Window, window
from colo_harness.machine.network import Network
from colo_harness.machine.process import Process
from colo_harness.machine.progress import Progress
from colo_harness.qemu.topology import Topology
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.session import Session

DRIVES: Mapping[str, Callable[[Client], Session]] = MappingProxyType(
    {
        "echo": Client.echo,
        "http": Client.http,
        "counter": Client.counter,
        "log": Client.log,
        "download": Client.download,
        "upload": Client.upload,
        "udp": Client.udp_echo,
        "ping": Client.ping,
        "dialled": Client.dialled,
        "differ": Client.differ,
        "differ-udp": partial(Client.differ, transport="udp"),
        "differ-icmp": partial(Client.differ, transport="icmp"),
    }
)
"""What a client of our guest can do, by name."""

LEFT_OUT: tuple[Kind, ...] = ("console",)
"""Kinds that the history leaves out: what a guest says all day explains nothing."""


@dataclass(frozen=True)
class Workload:
    """What is to be explained: sessions by name with our guest, or a command in the client's namespace."""

    topology: Topology
    seconds: float
    drives: Sequence[str] = ()
    command: Sequence[str] = ()

    def __post_init__(self) -> None:
        if unknown := [name for name in self.drives if name not in DRIVES]:
            raise UsageError(f"there is no session {unknown[0]!r}", f"choose from {', '.join(DRIVES)}")
        if self.drives and self.topology.image:
            raise UsageError("these sessions need the services of our guest", "drive another guest with --client")

    def explain(self, lab: Lab, folder: Path, progress: Progress) -> Explanation:
        """Run it as a pair and explain its checkpoints. Raises ProductFailure, HarnessError."""
        folder.mkdir()
        guardian = lab.around.guardian
        with ExitStack() as stack:
            history = stack.enter_context(History(without=LEFT_OUT))
            network = stack.enter_context(Network())
            tap = stack.enter_context(Wiretap(network, "host_a", folder / "compare.pcap", guardian=guardian))
            pair = stack.enter_context(ColoPair(self.topology, lab, network, history, folder))
            progress(f"bringing a pair of {self.topology.guest} guests under {self.topology.accel} into COLO")
            pair.start()
            progress(f"the pair replicates; watching it for {self.seconds:g} s")
            with pair.watching(), self._driven(network, history, lab, folder):
                _let_run(history, self.seconds)
            tap.stop()
            progress("comparing what both guests sent")
            entries = history.entries
            return explain(entries, tap.heard(history), cast("Window", window(entries)))

    @contextmanager
    def _driven(self, network: Network, history: History, lab: Lab, folder: Path) -> Iterator[None]:
        """Let the clients work meanwhile."""
        with ExitStack() as stack:
            if self.command:
                guardian = lab.around.guardian
                told = Process(self.command, name="client", log_dir=folder, guardian=guardian, namespace=network.client)
                stack.enter_context(told)
            if self.drives:
                settings = lab.settings
                client = Client(network.client, history, seed=settings.seed, timeout=settings.timeouts.answer)
                sessions = [DRIVES[name](stack.enter_context(client)) for name in self.drives]
                stack.enter_context(Crowd(sessions, grace=1))
            yield


def _let_run(history: History, seconds: float) -> None:
    """Return after so many seconds. Raises ProductFailure when COLO ends before."""

    def ended(entry: Entry) -> bool:
        return entry.kind == "event" and entry.what == "COLO_EXIT"

    with suppress(WaitTimeout):
        last = history.wait_for("the end of COLO", ended, since=history.cursor(), timeout=seconds)
        raise ProductFailure(f"COLO ended on {last.who} meanwhile: {shlex.join(map(str, last.data.values()))}")
