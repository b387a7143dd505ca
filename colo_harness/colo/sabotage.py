"""Set-ups that are broken in one place on purpose: what a claim's control runs on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from colo_harness.colo import procedure, resume, start, tampering
from colo_harness.colo.ticks import put_page_back
from colo_harness.errors import UsageError
from colo_harness.qemu import disk
from colo_harness.qemu.argv import Graph
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import HOSTS, Role, Topology

if TYPE_CHECKING:
    from colo_harness.colo.lab import Lab
    from colo_harness.colo.pair import ColoPair

_Thing = TypeVar("_Thing")
Step = Callable[["ColoPair"], None]
Handover = dict[str, Any]
"""What a cluster manager is handed, as JSON values (docs/heartbeat.md)."""


def _as_it_is(thing: _Thing) -> _Thing:
    return thing


def _left_out(_pair: "ColoPair") -> None:
    """Do nothing where the procedure has a step."""


@dataclass(frozen=True)
class Sabotage:
    """One deliberate defect of the set-up; the test that runs on it is the claim's own."""

    name: str
    breaks: str
    """One sentence: what is broken, and how the sound set-up differs."""
    primary: Callable[[Graph], Graph] = _as_it_is
    secondary: Callable[[Graph], Graph] = _as_it_is
    topology: Callable[[Topology], Topology] = _as_it_is
    instead: Mapping[str, Step] = field(default_factory=dict)
    """Step of the pair's procedure (a function's name) -> what is done instead of it."""
    before: Mapping[str, Step] = field(default_factory=dict)
    """Step of the pair's procedure -> what is done in secret just before it."""

    handed: Callable[[Handover], Handover] = _as_it_is
    """What becomes of that which a cluster manager is handed."""
    promises: Callable[[Promises], Promises] = _as_it_is
    """What becomes of that which is promised of the QEMU."""
    lab: Callable[["Lab"], "Lab"] = _as_it_is
    """What becomes of where the QEMUs come from."""

    def graph(self, role: Role, graph: Graph) -> Graph:
        """Return the command line of `role` as this sabotage leaves it."""
        return (self.primary if role is Role.PRIMARY else self.secondary)(graph)


def _stale_block(pair: "ColoPair") -> None:
    image, *_ = pair.files[pair.host(Role.SECONDARY)].images(pair.topology.disks)[-1]
    pair.lab.images.write(image, 7, b"stale\n".ljust(disk.BLOCK, b"."))


def _discard_buffers(pair: "ColoPair") -> None:
    pair.vm(Role.SECONDARY).execute("xen-colo-do-checkpoint")


def _launder(pair: "ColoPair") -> None:
    pair.network.laundering = True


def _hurry_tcp(pair: "ColoPair") -> None:
    """Set how often a segment is sent again (ip-sysctl, tcp_retries2)."""
    for host in HOSTS:
        pair.network.host(host).set("ipv4/tcp_retries2", "1")


def _stop_checkpoints(pair: "ColoPair") -> None:
    pair.vm(Role.PRIMARY).execute("migrate-set-parameters", {"x-checkpoint-delay": 3_600_000})


def _hurry_checkpoints(pair: "ColoPair") -> None:
    pair.vm(Role.PRIMARY).execute("migrate-set-parameters", {"x-checkpoint-delay": 150})


def _calm_checkpoints(pair: "ColoPair") -> None:
    with pair.settling():
        pair.force_checkpoint()


def _set_plain_capabilities(pair: "ColoPair") -> None:
    start.set_capabilities(pair)
    off = {"capability": "x-colo", "state": False}
    pair.vm(Role.PRIMARY).execute("migrate-set-capabilities", {"capabilities": [off]})


def _cut_stream(pair: "ColoPair") -> None:
    for role in Role:
        if pair.vm(role).alive:
            pair.vm(role).yank()


def _resync_once(pair: "ColoPair") -> None:
    """Copy the disk as it is now, in place of a mirror that follows it."""
    resume.resync(pair)
    resume.end_copies(pair)


def _attach_first_replica(pair: "ColoPair") -> None:
    vm = pair.vm(Role.PRIMARY)
    procedure.attach_replica(vm, pair.address(Role.SECONDARY), pair.lab.of(vm.name).contract)


def _resume_in_secret(pair: "ColoPair") -> None:
    """Bring the pair into COLO where it is thought to be copying its disk."""
    resume.resync(pair)
    for step in (*resume.REPLICATE, start.enter):
        step(pair)


SOUND = Sabotage("sound", "Nothing: the documented set-up.")

_ALL = (
    Sabotage(
        "no-rewriter",
        "The secondary has no filter-rewriter: its connections keep sequence numbers of their own.",
        secondary=lambda graph: graph.without("rew0"),
    ),
    Sabotage(
        "rewriter-off",
        "The secondary's filter-rewriter is there but off.",
        secondary=lambda graph: graph.adding("rew0", "status=off"),
    ),
    Sabotage(
        "mirror-off",
        "The primary's filter-mirror is off: no client packet reaches the secondary.",
        primary=lambda graph: graph.adding("m0", "status=off"),
    ),
    Sabotage(
        "deaf-secondary",
        "The secondary has no filter-redirector f1: what the primary mirrors does not reach its guest.",
        secondary=lambda graph: graph.without("f1"),
    ),
    Sabotage(
        "lost-answers",
        "The secondary's filter-redirector f2 sends nowhere: its guest's answers never reach the comparison.",
        secondary=lambda graph: graph.adding("red1", "port=9"),
    ),
    Sabotage(
        "leaky-secondary",
        "The secondary has no filter-redirector f2: its guest's answers go straight to the service network.",
        secondary=lambda graph: graph.without("f2"),
    ),
    Sabotage(
        "no-compare",
        "The primary's answers bypass colo-compare.",
        primary=lambda graph: graph.without("comp0", "redire0", "redire1"),
    ),
    Sabotage(
        "second-mirror-off",
        "The filter-mirror of the primary's second NIC is off.",
        primary=lambda graph: graph.adding("m0-b", "status=off"),
    ),
    Sabotage(
        "second-no-rewriter",
        "The secondary's second NIC has no filter-rewriter.",
        secondary=lambda graph: graph.without("rew0-b"),
    ),
    Sabotage(
        "second-no-compare",
        "What the primary answers by its second NIC bypasses colo-compare.",
        primary=lambda graph: graph.without("comp0-b", "redire0-b", "redire1-b"),
    ),
    Sabotage(
        "patient-compare",
        "colo-compare's time-outs are far too long.",
        topology=lambda topology: replace(topology, compare_timeout_ms=3_600_000, scan_cycle_ms=600_000),
    ),
    Sabotage(
        "doubled-frames",
        "Each frame that colo-compare lets go is doubled.",
        topology=lambda topology: replace(topology, meddling="doubled"),
    ),
    Sabotage(
        "swapped-frames",
        "Frames that colo-compare lets go in a row change places, two by two.",
        topology=lambda topology: replace(topology, meddling="swapped"),
    ),
    Sabotage(
        "unapplied-checkpoints",
        "Checkpoints never reach the secondary, and the primary is told that each was taken.",
        topology=lambda topology: replace(topology, impostor=True, relayed=False),
    ),
    Sabotage(
        "no-replication-child",
        "The primary's quorum has no child on the secondary: the disk is not replicated.",
        instead={"attach_replica": _left_out},
    ),
    Sabotage(
        "no-second-child",
        "The quorum of the primary's second disk has no child on the secondary.",
        instead={"attach_replica": _attach_first_replica},
    ),
    Sabotage(
        "stale-block",
        "One block of the secondary's disk, the second of two, differs from the primary's before the pair is formed.",
        before={"start_secondary": _stale_block},
    ),
    Sabotage(
        "old-page",
        "One page of the memory that is looked at, the secondary's or the survivor's, is put back by one generation.",
        topology=lambda topology: replace(topology, memory_file=True),
        before={"snapshot": put_page_back},
    ),
    Sabotage(
        "no-checkpoints",
        "Checkpoints stop after the pair has entered COLO.",
        before={"watch": _stop_checkpoints},
    ),
    Sabotage(
        "hasty-checkpoints",
        "While the pair is watched its checkpoints come several times as often as was asked for.",
        before={"watch": _hurry_checkpoints, "unwatch": _calm_checkpoints},
    ),
    Sabotage(
        "deaf-delay",
        "A new x-checkpoint-delay is never told to the primary.",
        instead={"apply_delay": _left_out},
    ),
    Sabotage(
        "unseeded-guest",
        "The guest has made no TCP connection before the pair is formed: it draws the secrets of TCP on each side.",
        topology=lambda topology: replace(topology, fresh=True),
    ),
    Sabotage(
        "discarded-buffers",
        "Failover discards the secondary's active and hidden disks instead of committing them.",
        before={"promote": _discard_buffers},
    ),
    Sabotage(
        "no-promotion",
        "The survivor is never told that it is alone.",
        instead=dict.fromkeys(("promote", "carry_on", "promote_first", "carry_on_first"), _left_out),
    ),
    Sabotage(
        "no-takeover",
        "A secondary that is to carry on is never told that it is alone; a primary is.",
        instead={"promote": _left_out},
    ),
    Sabotage(
        "no-yank",
        "The survivor of a peer that hangs is not freed before the document's commands.",
        instead={"yank_primary": _left_out, "yank_secondary": _left_out},
    ),
    Sabotage(
        "fence-does-nothing",
        "Fencing a host is said to be done, and its processes live on.",
        instead={"fence_primary": _left_out, "fence_secondary": _left_out},
        handed=lambda handover: {**handover, "fence": ["true"]},
    ),
    Sabotage(
        "deaf-heartbeat",
        "The manager looks and listens once an hour: it never notices that a side is lost.",
        handed=lambda handover: {**handover, "interval_s": 3600.0},
    ),
    Sabotage(
        "nervous-heartbeat",
        "The manager takes a host for lost of which it misses two beats.",
        handed=lambda handover: {**handover, "patience_s": handover["interval_s"]},
    ),
    Sabotage(
        "fence-unheeded",
        "Whether fencing was done is not looked at: the fence command always succeeds.",
        handed=lambda handover: {**handover, "fence": ["sh", "-c", '"$@"; true', "sh", *handover["fence"]]},
    ),
    Sabotage(
        "no-colo",
        "The primary migrates without the x-colo capability.",
        instead={"set_capabilities": _set_plain_capabilities},
    ),
    Sabotage(
        "wanted-capabilities",
        "Both sides get the capabilities that COLO wants, whatever the test asks for.",
        topology=lambda topology: replace(topology, capabilities=None),
    ),
    Sabotage(
        "no-discards",
        "The guest has no device that gives memory back, whatever the test wants.",
        topology=lambda topology: replace(topology, discards=False),
    ),
    Sabotage(
        "memory-dumped",
        "Core files hold the guest's memory, whatever the test asks for.",
        topology=lambda topology: replace(topology, machine="pc"),
    ),
    Sabotage(
        "short-resync",
        "The resync skips the last cluster of the disk, the second of two.",
        instead={"resync": tampering.resync_short},
    ),
    Sabotage(
        "early-resync",
        "The resync does not follow what the guest writes while it runs.",
        instead={"resync": _resync_once, "stop_guest": lambda pair: procedure.stop_guest(pair.vm(Role.PRIMARY))},
    ),
    Sabotage(
        "protected-in-secret",
        "The pair replicates again where its disk ought to be copied only.",
        instead={"resync_slowly": _resume_in_secret},
    ),
    Sabotage(
        "no-filters",
        "A survivor that gets a new secondary gets no filters and no colo-compare back.",
        instead={"add_filters": _left_out},
    ),
    Sabotage(
        "old-loop",
        "A survivor that gets a new secondary goes on with the old streams between its filters and colo-compare.",
        instead={"renew_loop": _left_out},
    ),
    Sabotage(
        "other-code",
        "The secondary's guest changes its own code behind the checkpoint.",
        before={"watch": lambda pair: pair.vm(Role.SECONDARY).send_console(b"Y")},
    ),
    Sabotage(
        "ends-with-its-guest",
        "A QEMU ends with its guest, whatever the test wants.",
        topology=lambda topology: replace(topology, stays=False),
    ),
    Sabotage(
        "stays-behind",
        "A QEMU outlives its guest, whatever the test wants.",
        topology=lambda topology: replace(topology, stays=True),
    ),
    Sabotage(
        "laundered-frames",
        "What the network corrupts it sums anew, so that no checksum tells.",
        before={"start_primary": _launder},
    ),
    Sabotage(
        "hasty-hosts",
        "The hosts' kernels give a connection up after half a second without an answer.",
        before={"start_primary": _hurry_tcp},
    ),
    Sabotage(
        "set-back",
        "A secondary that is promoted sets its guest's clock back by an hour.",
        instead={"promote": tampering.promote_and_set_back},
    ),
    Sabotage(
        "unlocked-images",
        "Neither QEMU locks the image of its disk against others.",
        primary=lambda graph: graph.adding("colo-disk0", "children.0.file.locking=off"),
        secondary=lambda graph: graph.adding("parent0", "file.locking=off"),
    ),
    Sabotage(
        "tired-stream",
        "After the first stretch that is watched the checkpoint stream is slow.",
        topology=lambda topology: replace(topology, relayed=True),
        before={"watch": tampering.tire_stream},
    ),
    Sabotage(
        "slow-acknowledgements",
        "The hosts acknowledge late what comes over the network between them, whatever the test wants.",
        before={"watch": tampering.acknowledge_late},
    ),
    Sabotage(
        "cut-stream",
        "The checkpoint stream is cut before failover is asked for.",
        before={"promote": _cut_stream},
    ),
    Sabotage(
        "lost-stream",
        "The checkpoint stream is cut before the pair is watched.",
        before={"watch": lambda pair: pair.vm(Role.PRIMARY).yank({"type": "migration"})},
    ),
    Sabotage(
        "wrong-promise",
        "The contract denies a command that there is, has other answers, and no commands in its procedures.",
        promises=tampering.contradict,
    ),
    Sabotage(
        "same-release",
        "Both hosts have the QEMU that is judged, whatever the test wants.",
        lab=lambda lab: replace(lab, others={}),
    ),
)

SABOTAGES: Mapping[str, Sabotage] = MappingProxyType({sabotage.name: sabotage for sabotage in _ALL})


def sabotage(name: str | None) -> Sabotage:
    """Return the sabotage `name`, or the sound set-up for None and its own name. Raises UsageError."""
    found = {SOUND.name: SOUND, **SABOTAGES}.get(name or SOUND.name)
    if found is None:
        raise UsageError(f"there is no sabotage {name!r}", f"choose one of {', '.join(sorted(SABOTAGES))}")
    return found
