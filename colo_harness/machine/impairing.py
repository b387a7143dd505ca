"""Impairing a link of a network that is at work: by netem where the kernel has it, else by a wire of ours."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from colo_harness.errors import MachineError
from colo_harness.machine import probe
from colo_harness.machine.fates import Impaired, Impairment
from colo_harness.machine.network import Network, Port
from colo_harness.machine.process import run
from colo_harness.machine.splice import spliced, summing
from colo_harness.machine.tracers import Place, Tracers


@contextmanager
def impaired(network: Network, port: Port, bad: Impairment, seed: int) -> Iterator[Counter[str]]:
    """Let the link behind `port` be bad inside the block, both ways, as was seen before and is seen to end behind it.

    Yields what a wire of ours counts; netem tells nothing. Corruption is a wire's, whatever the kernel has: netem
    spoils IP headers too, and some of these end QEMU (docs/findings/0015-short-packets-crash-qemu.md).
    Raises MachineError.
    """
    here: Place = (port.holder, port.link)
    elsewhere = _elsewhere(network, port)
    by_kernel = bool(options(bad)) and not bad.corrupt and netem_works()
    with Tracers(here, elsewhere) as there, Tracers(elsewhere, here) as back:
        with (_by_netem if by_kernel else _by_wire)(network, port, bad, seed) as tally:
            there.await_impaired(bad)
            back.await_impaired(bad)
            yield tally
        there.await_sound(bad)
        back.await_sound(bad)


@cache
def netem_works() -> bool:
    """Say whether this machine's kernel has netem."""
    try:
        probe.netem()
    except MachineError:
        return False
    return True


@contextmanager
def _by_wire(network: Network, port: Port, bad: Impairment, seed: int) -> Iterator[Counter[str]]:
    fate = Impaired(bad, seed, laundered=network.laundering)
    with spliced(network, port, fate, whole=True):
        yield fate.tally


@contextmanager
def _by_netem(_network: Network, port: Port, bad: Impairment, _seed: int) -> Iterator[Counter[str]]:
    (here, link), (there, name) = (port.holder, port.link), (port.switch, port.name)
    with summing(here, link), summing(there, name):
        for namespace, each in ((here, link), (there, name)):
            run(
                ["tc", "qdisc", "add", "dev", each, "root", "netem", "limit", "10000", *options(bad)],
                namespace=namespace,
                timeout=10,
            )
        try:
            yield Counter()
        finally:
            for namespace, each in ((here, link), (there, name)):
                run(["tc", "qdisc", "del", "dev", each, "root"], namespace=namespace, timeout=10)


def options(bad: Impairment) -> list[str]:
    """Return netem's words for it (tc-netem(8)); it reorders by letting some frames overtake a delay."""
    delay = bad.delay_ms or (1 if bad.reorder else 0)
    words = ["delay", f"{delay}ms", *([f"{bad.jitter_ms}ms"] if bad.jitter_ms else [])] if delay else []
    words += ["rate", f"{bad.mbit}mbit"] if bad.mbit else []
    for way in ("loss", "duplicate", "reorder"):
        words += [way, f"{getattr(bad, way)}%"] if getattr(bad, way) else []
    return words


def _elsewhere(network: Network, port: Port) -> Place:
    """Return the link of somebody else on the same network."""
    others = [network.colo_port(host) for host in ("host_a", "host_b")]
    if port not in others:
        others = [network.service_port(plug) for plug in ("client", "host_a")]
    other = next(one for one in others if one != port)
    return other.holder, other.link
