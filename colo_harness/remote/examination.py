"""An examination of real hosts: what a pair needs of each, and of what joins them, tried as a pair would."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

from colo_harness.diagnosis import Answer, State
from colo_harness.errors import HarnessError, MachineError
from colo_harness.machine.network import CLIENT, HOSTS, PREFIX, Host
from colo_harness.machine.process import run
from colo_harness.qemu import release
from colo_harness.remote.fleet import Fleet
from colo_harness.remote.network import RealNetwork
from colo_harness.remote.there import There
from colo_harness.settings import Settings

TOOLS = ("ip", "ss", "tar", "tcpdump")
VAGUE = 0.05
"""Seconds that the offset of a clock may be wrong by."""
NEAR = "10.77.0.25"
"""What the hosts' addresses on the service network begin with, while they are asked for."""
REFUSED = "111"
CONNECT = "import socket, sys; s = socket.socket(); s.settimeout(5); print(s.connect_ex((sys.argv[1], 9)))"
"""Prints 111 where somebody is there to refuse a connection."""


def examine(settings: Settings, path: Path) -> Iterator[Answer]:
    """Try everything on both hosts, then what is between them. Raises UsageError for a file that says nonsense."""
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(path))
        well = True
        for host in HOSTS:
            for answer in _of_host(fleet, host, settings):
                well = well and (answer.ok or not answer.must)
                yield answer
        if well:
            yield _answer("between hosts", lambda: _between(fleet))


def _of_host(fleet: Fleet, host: Host, settings: Settings) -> Iterator[Answer]:
    with ExitStack() as stack:
        sites: list[There] = []

        def log_in() -> str:
            site = fleet.site(host)
            stack.callback(site.close)
            sites.append(site)
            return _whose(site)

        yield _answer(f"{host} ssh", log_in)
        for site in sites:
            yield _answer(f"{host} tools", partial(_tools, site))
            yield _answer(f"{host} clock", partial(_clock, site))
            yield _answer(f"{host} qemu", partial(_qemu, site, settings))
            yield _answer(f"{host} kvm", partial(_kvm, site), must=False)


def _whose(site: There) -> str:
    """Say what it runs. Raises MachineError where it is this machine."""
    with NamedTemporaryFile(prefix="colo-here-") as ours:
        if site.has(Path(ours.name)):
            raise MachineError("it has this machine's own files", "name another machine: hosts share nothing with us")
    kernel, python = site.run("uname", "-r"), site.run(site.python, "--version")
    return f"{python.strip()}, Linux {kernel.strip()}, with the rights to make namespaces"


def _tools(site: There) -> str:
    lost = [tool for tool in TOOLS if not site.finds(tool)]
    if lost:
        raise MachineError(f"it lacks {', '.join(lost)}", "install iproute2, tar and tcpdump there")
    return f"all {len(TOOLS)} are there"


def _clock(site: There) -> str:
    clock = site.clock
    if clock.uncertain > VAGUE:
        raise MachineError(
            f"its clock is {clock.ahead:+.3f} s from ours, give or take {clock.uncertain:.3f} s",
            "its stamps are worth nothing over so slow a network: run from a machine that is nearer",
        )
    return f"{clock.ahead * 1e3:+.3f} ms from ours, give or take {clock.uncertain * 1e3:.3f} ms"


def _qemu(site: There, settings: Settings) -> str:
    """Let the QEMU under test be there, and ask it for its version there and here."""
    argv = release.under_test(settings)
    if settings.qemu is None:
        site.bring(settings.cache_dir / release.recipe(settings.release).folder)
    here, there = run([*argv, "--version"], timeout=30), site.run(*argv, "--version")
    if here != there:
        raise MachineError(f"{argv[0]} is another one there: {there}", "put the same at the same path on each machine")
    return there.splitlines()[0]


def _kvm(site: There) -> str:
    site.run(site.python, "-c", "open('/dev/kvm', 'r+b')")
    return "can be opened; guests run under TCG all the same"


def _between(fleet: Fleet) -> str:
    """Plug a pair in, and knock at each host's door from the other, and from here."""
    with RealNetwork(fleet) as network:
        for number, host in enumerate(HOSTS):
            site = network.site(host)
            peer = network.address("host_b" if host == "host_a" else "host_a")
            _knock(site.run(site.python, "-c", CONNECT, peer), f"{host} does not reach {peer} by the COLO network")
            site.ip(f"address add {NEAR}{number}/{PREFIX} dev br0")
            heard = run(["python3", "-c", CONNECT, f"{NEAR}{number}"], namespace=network.client, timeout=30)
            _knock(heard, f"the client ({CLIENT}) does not reach {host} by the service network")
    return "hosts reach each other by the COLO network, and the client both by the service network; taps can be made"


def _knock(answer: str, problem: str) -> None:
    if answer.strip() != REFUSED:
        raise MachineError(problem, "look at the interfaces and addresses in hosts.toml, and at the switches")


def _answer(name: str, ask: Callable[[], str], *, must: bool = True) -> Answer:
    start = time.monotonic()
    state: State = "ok"
    try:
        text, remedy = ask(), ""
    except HarnessError as failure:
        state, text, remedy = "no", failure.brief.partition("\n")[0], failure.remedy
    return Answer(name, state, " ".join(text.split()).rstrip("."), remedy, must, round(time.monotonic() - start, 3))
