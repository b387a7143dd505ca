"""hosts.toml: which machines the hosts of a pair are, and by which of their interfaces they reach one another."""

import ipaddress
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import UsageError
from colo_harness.machine.network import HOSTS, Host
from colo_harness.typed import Mistyped, typed

NAME = re.compile(r"[^\s/]{1,15}")
"""What the kernel takes for an interface's name."""
SSH = re.compile(r"(?:(?P<user>[^\s@:]+)@)?(?P<host>[^\s@:]+)(?::(?P<port>[1-9]\d{0,4}))?")
BOOTS = 600.0


@dataclass(frozen=True)
class Runner:
    """This machine, which is the client of the guest."""

    service: str
    """Its interface to the service network."""


@dataclass(frozen=True)
class Node:
    """A host of the pair."""

    ssh: str
    """Where its SSH server is: `user@name:port`, of which the name alone must be there."""
    service: str
    """Its interface to the service network, which nothing else uses."""
    colo: str
    """Its interface to the COLO network, which may be that to this machine."""
    address: str
    """The address that it gets for the pair on the COLO network, with the length of the prefix."""
    key: str = ""
    """A file with the private key to log in with, in place of those that ssh would take."""
    known_hosts: str = ""
    """A file with the host's key, in place of the user's own."""
    python: str = "python3"
    """Its Python, of 3.11 or later."""
    fence: tuple[str, ...] = ()
    """A command of this machine, word for word, that takes the host's power."""
    boots: float = BOOTS
    """Seconds that it may take from there until it can be reached again."""

    @property
    def user(self) -> str | None:
        """Who logs in there; None leaves it to ssh's configuration."""
        return self._ssh["user"]

    @property
    def host(self) -> str:
        """The name or address of the SSH server."""
        return self._ssh["host"]

    @property
    def port(self) -> int | None:
        """Its port; None leaves it to ssh's configuration."""
        return int(self._ssh["port"]) if self._ssh["port"] else None

    @property
    def _ssh(self) -> re.Match[str]:
        told = SSH.fullmatch(self.ssh)
        assert told is not None  # noqa: S101 - `load` has looked
        return told


@dataclass(frozen=True)
class Hosts:
    """What a hosts.toml says."""

    client: Runner
    host_a: Node
    host_b: Node

    def node(self, host: Host) -> Node:
        """Return host_a or host_b."""
        return self.host_a if host == "host_a" else self.host_b

    def address(self, host: Host) -> str:
        """Return the host's address on the COLO network, without the prefix."""
        return str(ipaddress.IPv4Interface(self.node(host).address).ip)


def load(path: Path) -> Hosts:
    """Read a hosts.toml. Raises UsageError, with the line and the key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(f"--hosts {path}: {trouble}", "name a file; docs/hosts.md has one") from trouble
    try:
        hosts: Hosts = typed(tomllib.loads(text), Hosts)
        _check(hosts)
    except tomllib.TOMLDecodeError as trouble:
        raise UsageError(f"--hosts {path}: {trouble}", "docs/hosts.md has one that is TOML") from trouble
    except Mistyped as trouble:
        line = _line(text, trouble.where, trouble.what)
        raise UsageError(f"--hosts {path}, line {line}: {trouble}", "docs/hosts.md tells of each key") from trouble
    return hosts


def _check(hosts: Hosts) -> None:
    """Look at what the types leave open. Raises Mistyped."""
    _match(NAME, hosts.client.service, ".client.service", "name of an interface")
    for host in HOSTS:
        node = hosts.node(host)
        _match(SSH, node.ssh, f".{host}.ssh", "`user@name:port`")
        _match(NAME, node.service, f".{host}.service", "name of an interface")
        _match(NAME, node.colo, f".{host}.colo", "name of an interface")
        if node.colo == node.service:
            raise Mistyped("the COLO network needs an interface of its own", f".{host}.colo")
        _interface(node.address, f".{host}.address")
    one, other = (_interface(hosts.node(host).address, "") for host in HOSTS)
    if one.network != other.network or one.ip == other.ip:
        raise Mistyped(f"{other} is no other address of {one.network}, where host_a is", ".host_b.address")


def _match(pattern: re.Pattern[str], value: str, where: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise Mistyped(f"{value!r} is no {what}", where)


def _interface(value: str, where: str) -> ipaddress.IPv4Interface:
    try:
        found = ipaddress.IPv4Interface(value)
    except ValueError as trouble:
        raise Mistyped(f"{value!r} is no IPv4 address with a prefix: {trouble}", where) from trouble
    if "/" not in value or found.network.prefixlen > 30:  # noqa: PLR2004 - a network of two has /30
        raise Mistyped(f"{value!r} has no prefix with room for two, such as /24", where)
    return found


def _line(text: str, where: str, what: str) -> int:
    """Return the line of the key `where`, such as `.host_a.ssh`, or of the table that lacks it."""
    table, _, key = where.strip(".").partition(".")
    wanted = key.partition("[")[0] or what.partition(" ")[0]
    place, inside = 1, not table
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            inside = line.strip().strip("[]").strip() == (table or wanted)
            place = number if inside else place
        elif inside and re.match(rf"\s*{re.escape(wanted)}\s*=", line):
            return number
    return place
