"""Two machines that share nothing but networks, here: each has its own processes, files and clock, and an SSH server.

`python -m suites.harness.two_machines -- ARGUMENTS` runs `colo run --hosts` on them, with these arguments for pytest.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import WaitTimeout
from colo_harness.machine.estate import Estate, outside
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.network import HOSTS, await_links
from colo_harness.machine.process import Process
from colo_harness.settings import Settings
from colo_harness.wait import wait_until

ROOT = Path(__file__).parents[2]
COLO = Path(sys.executable).with_name("colo")
LATER = 1_000_000
"""Seconds by which the hosts' CLOCK_MONOTONIC is ahead of ours."""
MEMBERS = ("runner", *HOSTS)
NETWORKS = {"ssh0": "ssh", "lan0": "service", "back0": "colo"}
"""The interfaces of each machine, and the bridges that they are plugged into."""
COLO_ADDRESS = {"host_a": "10.55.0.1/24", "host_b": "10.55.0.2/24"}
BOOT = """
import os, subprocess, sys
home, *hidden = sys.argv[1:]
own = os.open(home, os.O_PATH)
for number, place in enumerate(sorted(hidden, key=len)):
    if os.path.isdir(place):
        folder = f"{number}"
        os.mkdir(folder, dir_fd=own)
        os.chmod(folder, 0o1777, dir_fd=own)
        subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/fd/{own}/{folder}", place], check=True)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.mkdir("/run/sshd")
subprocess.run(["mount", "--bind", f"/proc/{os.getpid()}/fd/{own}/etc", "/etc/ssh"], check=True)
os.execv("/usr/sbin/sshd", ["/usr/sbin/sshd", "-D", "-e"])
"""
"""What a machine does first: it hides the runner's files from itself, then serves."""
CONFIG = """
Port 22
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
SetEnv PATH={path}
"""


@dataclass(frozen=True)
class TwoMachines:
    """Where the runner lives, and the file that tells it of its hosts."""

    runner: Namespace
    hosts: Path
    servers: Sequence[Process]

    def colo(self, *arguments: str, log_dir: Path, guardian: Guardian) -> Process:
        """Start `colo` with these arguments on the runner."""
        argv: list[str | Path] = ["env", f"TMPDIR={outside()}", COLO, *arguments]
        return Process(argv, name="colo", log_dir=log_dir, guardian=guardian, namespace=self.runner)


@contextmanager
def two_machines(folder: Path, guardian: Guardian) -> Iterator[TwoMachines]:
    """Boot them; their files go into `folder`. Raises MachineError, WaitTimeout."""
    with ExitStack() as stack:
        switch, *members = (stack.enter_context(Namespace(name)) for name in ("switch", *MEMBERS))
        plugged = dict(zip(MEMBERS, members, strict=True))
        _plug(switch, plugged)
        _make_keys(folder)
        servers = []
        for name in HOSTS:
            server = Process(_boot(folder, name), name=name, log_dir=folder, guardian=guardian, namespace=plugged[name])
            servers.append(stack.enter_context(server))
        for server in servers:
            _await_server(server)
        yield TwoMachines(plugged["runner"], _describe(folder), servers)


def _plug(switch: Namespace, members: dict[str, Namespace]) -> None:
    for index, (link, bridge) in enumerate(NETWORKS.items()):
        lines = [f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0", f"link set {bridge} up"]
        for number, namespace in enumerate(members.values(), 1):
            port = f"{link}{number}"
            lines += [
                f"link add {port} index {100 + 10 * index + number} type veth peer name {link} netns {namespace.path}",
                f"link set {port} master {bridge} up",
            ]
        switch.ip(*lines)
    for number, namespace in enumerate(members.values(), 1):
        namespace.ip(f"address add 10.66.0.{number}/24 dev ssh0", *(f"link set {link} up" for link in NETWORKS))
        await_links(namespace, NETWORKS)


def _make_keys(folder: Path) -> None:
    import asyncssh  # noqa: PLC0415 - takes a third of a second

    for name in ("client", *HOSTS):
        key = asyncssh.generate_private_key("ssh-ed25519")
        place = folder if name == "client" else folder / name / "etc"
        place.mkdir(parents=True, exist_ok=True)
        key.write_private_key(str(place / ("client_key" if name == "client" else "host_key")))
        key.write_public_key(str(place / ("client_key.pub" if name == "client" else "host_key.pub")))
    known = ""
    for number, name in enumerate(HOSTS, 2):
        etc = folder / name / "etc"
        (etc / "host_key").chmod(0o600)
        (etc / "authorized_keys").write_text((folder / "client_key.pub").read_text(encoding="ascii"), encoding="ascii")
        (etc / "sshd_config").write_text(CONFIG.format(path=os.environ["PATH"]), encoding="utf-8")
        known += f"10.66.0.{number} {(etc / 'host_key.pub').read_text(encoding='ascii')}"
    (folder / "known_hosts").write_text(known, encoding="ascii")
    (folder / "client_key").chmod(0o600)


def _boot(folder: Path, name: str) -> list[str]:
    own = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    own += ["--time", "--monotonic", str(LATER), "--boottime", str(LATER)]
    hidden = {str(ROOT), str(Path.home()), str(outside()), "/tmp", str(Settings().cache_dir)}  # noqa: S108
    return ["unshare", *own, sys.executable, "-S", "-E", "-c", BOOT, str(folder / name), *sorted(hidden)]


def _await_server(server: Process) -> None:
    def listens() -> bool:
        if not server.alive:
            raise WaitTimeout(f"{server.name} did not boot:\n{server.stderr()}")
        return "Server listening" in server.stderr()

    wait_until(f"the SSH server of {server.name}", listens, timeout=20, seen=server.stderr)


def _describe(folder: Path) -> Path:
    """Write the hosts.toml."""
    text = '[client]\nservice = "lan0"\n'
    for number, name in enumerate(HOSTS, 2):
        text += f'\n[{name}]\nssh = "root@10.66.0.{number}"\nservice = "lan0"\ncolo = "back0"\n'
        text += f'address = "{COLO_ADDRESS[name]}"\nkey = "{folder}/client_key"\nknown_hosts = "{folder}/known_hosts"\n'
    path = folder / "hosts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def main(arguments: Sequence[str]) -> int:
    """Run the suite on two machines, and return the exit status of `colo run`."""
    with Estate() as estate, two_machines(estate.folder, estate.guardian) as machines:
        results = ["--results-dir", str(ROOT / "reports" / "hosts")]
        argv: list[str | Path] = [COLO, "run", "--hosts", machines.hosts, *results, "--", *arguments]
        signal.signal(signal.SIGINT, lambda *_: None)  # the terminal tells `colo run`, too, which ends in good order
        with machines.runner.entered():
            return subprocess.run(argv, env={**os.environ, "TMPDIR": str(outside())}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main([word for word in sys.argv[1:] if word != "--"]))
