"""A guest alone: one VM without COLO on the network of a pair, against which a pair's cost is measured."""

from pathlib import Path
from types import TracebackType
from typing import Self

from colo_harness.colo.lab import Lab
from colo_harness.history import History
from colo_harness.machine.network import Network
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, warm
from colo_harness.qemu.argv import Files
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM


class Solo:
    """The guest of `topology`, restored and running on host_a, whose disk is a plain image. Raises as `VM`."""

    def __init__(self, topology: Topology, lab: Lab, network: Network, history: History, folder: Path) -> None:
        files = Files(folder / "host_a")
        files.make()
        guest = lab.guest(topology)
        lab.copy(lab.states.disk(topology, guest), files.disk)
        state = lab.states.path(topology, guest)
        graph = argv.machine(topology, files, host="host_a", boot=guest.boot)
        graph = graph.joined([*argv.alone(topology, files), *warm.restoring()])
        self.vm = VM(
            "host_a",
            [*lab.qemu, *graph],
            files,
            site=Here(network.host_a),
            history=history,
            around=lab.around,
        )
        try:
            warm.restore(self.vm, state, lab.contract, timeout=lab.settings.timeouts.launch)
            self.vm.execute("cont")
        except BaseException:
            self.vm.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vm.close()
