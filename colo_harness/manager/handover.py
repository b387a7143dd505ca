"""What a cluster manager is handed of a pair: where its monitors are, how to fence, what to say to which QEMU."""

import sys
from pathlib import Path

from colo_harness.colo import start
from colo_harness.colo.failover import ALONE, YANK
from colo_harness.colo.pair import ColoPair
from colo_harness.colo.rehearsal import BY_ITSELF, TOGETHER, Order, Rehearsal
from colo_harness.colo.sabotage import Handover
from colo_harness.machine.network import HEARTBEAT_ADDRESS
from colo_harness.qemu.topology import Role

INTERVAL_S = 0.05
"""Between two beats, and between two looks at a QEMU."""
PATIENCE_S = 2.0
"""For so long a peer may be silent, or a QEMU owe an answer, before it is taken for lost."""
HEARTBEAT_PORT = 7788
GREETING: Order = {"command": {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}}}
"""What opens a monitor (qapi/control.json), so that a yank gets through whatever else hangs."""
FENCE = Path(__file__).with_name("fence.py")


def alone(pair: ColoPair, role: Role) -> Rehearsal:
    """Return what lets `role` carry on alone, wherever its peer is: streams to it are yanked first."""
    return pair.rehearse(YANK[role], ALONE[role], awaited=BY_ITSELF)


def handover(pair: ColoPair, door: Path) -> Handover:
    """Return what a manager of this pair is handed; docs/heartbeat.md describes it. `door` is the power switch's."""
    entry = pair.rehearse(start.enter, awaited=TOGETHER)
    hosts = {
        pair.host(role): {
            "role": role.value,
            "qmp": str(pair.files[pair.host(role)].spare),
            "beat": [HEARTBEAT_ADDRESS[pair.host(role)], HEARTBEAT_PORT],
            "start": [GREETING, *entry.orders[pair.host(role)]],
            "alone": alone(pair, role).orders[pair.host(role)],
        }
        for role in Role
    }
    return pair.handed(
        {
            "interval_s": INTERVAL_S,
            "patience_s": PATIENCE_S * pair.timeouts.factor,
            "command_s": pair.timeouts.failover,
            "fence": [sys.executable, "-I", "-S", str(FENCE), str(door)],
            "hosts": hosts,
        }
    )
