"""What a survivor says of itself."""

from colo_harness.judge.lifecycle import StatesSeen
from colo_harness.qemu.topology import Role

HOSTS = {Role.PRIMARY: "host_a", Role.SECONDARY: "host_b"}


def alone(survivor: Role) -> StatesSeen:
    """Judge that the side which had this role runs alone, since it was told to."""
    host = HOSTS[survivor]
    colo = {"mode": "none", "last-mode": str(survivor), "reason": "request"}
    running = {"status": "running", "running": True}
    return StatesSeen({(host, "query-status", "after"): running, (host, "query-colo-status", "after"): colo})
