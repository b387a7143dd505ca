"""What of a pair is out of reach where its hosts are real."""

from colo_harness.qemu.topology import Topology

RELAYED = "a relay of ours stands around a colo-compare or answers for a secondary, with sockets in a namespace of ours"


def why_not(topology: Topology) -> str:
    """Return why such a pair cannot be on real hosts, or nothing."""
    if topology.narrowed or topology.meddling or topology.impostor:
        return RELAYED
    if topology.managed:
        return "the cluster manager of the tests lives in namespaces of ours"
    if topology.nics > 1:
        return "hosts.toml names one service network, and the guest has two NICs"
    if topology.ram_disk_mib or topology.memory_file:
        return "what the host keeps in memory is reached into from here"
    if topology.accel == "kvm":
        return "guests are saved here, and restored there under TCG"
    return ""
