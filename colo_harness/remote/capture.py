"""What was said on a service network whose switch is not ours: what each of its members sent, seen where it left."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from pathlib import Path
from signal import SIGUSR1

from colo_harness.errors import MachineError, WaitTimeout
from colo_harness.machine.capture import Capture, Frame, frames, name_ports, write
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.network import HOSTS, PORTS, Network
from colo_harness.machine.program import Program
from colo_harness.machine.site import Here, Site
from colo_harness.wait import wait_until

LINK = "svc0"
TCPDUMP = ("tcpdump", "-n", "-i", "any", "-y", "LINUX_SLL2", "-s", "2048", "-B", "16384", "-U", "--immediate-mode")
"""Frames are cut: a place in the kernel's buffer is as large as the largest one, and with 64 kB there are too few."""
COUNTED = re.compile(r"(\d+) packets? captured(?:, |\n)(\d+) packets? received by filter(?:, |\n)(\d+)")
"""What it tells at SIGUSR1, on one line, and in the end, on three."""


class Outgoing(Capture):
    """A tcpdump for each member, of what it sends; frames have come in by the port that is named after it.

    What the network made of them is not seen. Raises MachineError where tcpdump does not start.
    """

    def __init__(self, network: Network, path: Path, *, guardian: Guardian, timeout: float = 20) -> None:
        self.path = path
        self.dropped = 0
        self._stopped = False
        self._timeout = timeout
        self._sites: dict[str, Site] = {
            **{name: network.site(name) for name in HOSTS},
            "client": Here(network.client),
        }
        self._programs: dict[str, Program] = {}
        self._unwanted: dict[Program, int] = {}
        """How many frames came before the filter was there, which left them out later: no guest runs yet."""
        others = " or ".join(f"host {network.address(name)}" for name in HOSTS)
        with ExitStack() as stack:
            for name, site in self._sites.items():
                number = int(site.run("ip", "-o", "link", "show", LINK).partition(":")[0])
                name_ports(self._pcap(name), {number: LINK})
                argv = [*TCPDUMP, "-Z", "root", "-w", str(self._pcap(name)), f"not net 127.0.0.0/8 and not ({others})"]
                program = site.start(argv, name=f"tcpdump-{name}", log_dir=path.parent, guardian=guardian)
                stack.callback(program.kill)
                self._programs[name] = program
            for program in self._programs.values():
                self._await(program, "listening on")
                self._unwanted[program] = self._lag(program)
            stack.pop_all()

    @property
    def pid(self) -> int:
        """The process of the tcpdump here."""
        return self._programs["client"].pid

    def stop(self) -> None:
        """End the captures, and write what they saw as one. Raises MachineError."""
        if self._stopped:
            return
        self._stopped = True
        try:
            for program in self._programs.values():
                self._push_out_of(program)
                program.terminate(self._timeout)
        except (WaitTimeout, ProcessLookupError) as slow:
            raise MachineError(f"tcpdump does not keep up: {slow}", "the machine is too busy") from slow
        finally:
            for program in self._programs.values():
                program.kill()
        sent = [self._sent(name, site) for name, site in self._sites.items()]
        write(self.path, PORTS, merge(*sent, key=attrgetter("at")))

    def _sent(self, name: str, site: Site) -> Iterator[Frame]:
        """Yield what a member sent, as it came in by its port."""
        for frame in frames(site.fetch(self._pcap(name))):
            if frame.direction == "out":
                yield replace(frame, at=frame.at - site.clock.ahead, port=name, direction="in")

    def _pcap(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.stem}-{name}.pcap")

    def _await(self, program: Program, word: str) -> None:
        def said() -> bool:
            return word in program.stderr() or not program.alive

        try:
            wait_until(f"{program.name} to listen", said, timeout=self._timeout, interval=0.01)
        except WaitTimeout as slow:
            raise MachineError(f"tcpdump does not start: {slow}", "the machine is too busy") from slow
        if not program.alive:
            raise MachineError(f"`{program.command}` ended at once:\n{program.stderr()}", "is tcpdump there?")

    def _push_out_of(self, program: Program) -> None:
        """Return when the program has read all that the kernel has for it. Raises WaitTimeout."""

        def kept_up() -> bool:
            return self._lag(program) <= self._unwanted[program]

        wait_until(f"{program.name} to read all frames", kept_up, timeout=self._timeout, interval=0.01)
        self.dropped += int(COUNTED.findall(program.stderr())[-1][2])

    def _lag(self, program: Program) -> int:
        """Return how many frames it has not captured, of those that the kernel has for it. Raises WaitTimeout."""
        before = len(COUNTED.findall(program.stderr()))
        program.signal(SIGUSR1)
        wait_until("its count", lambda: len(COUNTED.findall(program.stderr())) > before, timeout=self._timeout)
        captured, received, dropped = map(int, COUNTED.findall(program.stderr())[-1])
        return received - dropped - captured
