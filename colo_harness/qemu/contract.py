"""What a QEMU executable is and wants, asked of itself over QMP; never read off its path or version."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from colo_harness.errors import CommandError, LaunchFailure, MachineError, ProductFailure, UsageError
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import Process, run
from colo_harness.qemu import sandbox
from colo_harness.qemu.bare import BareQemu
from colo_harness.qemu.issues import issues
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.promises import Promises, promised, told_of
from colo_harness.settings import Timeouts

NEEDED_OBJECTS = ("colo-compare", "filter-mirror", "filter-redirector", "filter-rewriter")
NEEDED_DRIVERS = ("nbd", "quorum", "replication")
ANOTHER = "give the path of a QEMU executable, or leave --qemu out"


UNBUILT = "give another QEMU with --qemu, built with replication and the COLO proxy"


@dataclass(frozen=True)
class Contract:
    """The forms that one QEMU build takes."""

    version: str
    """As `query-version` gives it, package included; for people and known issues, no decision hangs on it."""
    build: str
    """Digest over every file that the running process has mapped: two builds never share saved states."""
    lacks: tuple[str, ...]
    """What COLO needs and this build does not have: objects, block drivers, the x-colo capability."""
    return_path: bool
    """Whether `x-colo` demands the `return-path` capability (QEMU 11 does, older ones break with it)."""
    reconnect: str
    """The property of a client socket chardev and its value: `reconnect-ms=1000`, or `reconnect=1` of old."""
    file_uri: bool = True
    """Whether a guest's state migrates into a `file:`; where not, a socket."""
    set_active: bool = True
    """Whether there is `blockdev-set-active`: where not, disks are active as soon as a state is loaded."""
    thread_names: bool = False
    """Whether threads have names if asked for with `-name debug-threads=on`; in 11.x they have them in any case."""
    machine: str = "pc"
    """The mainboard that `pc` stands for, which a newer QEMU has by this name too."""
    sandbox: str = ""
    """The strongest form of `-sandbox` that it takes; nothing where it was built without, or the kernel refuses."""

    @property
    def sandboxing(self) -> list[str]:
        """What each QEMU is started with besides."""
        return [sandbox.FLAG, self.sandbox] if self.sandbox else []

    @property
    def capabilities(self) -> list[dict[str, Any]]:
        """The argument of `migrate-set-capabilities` that COLO wants on both sides."""
        names = ["return-path", "x-colo"] if self.return_path else ["x-colo"]
        return [{"capability": name, "state": True} for name in names]

    @property
    def promises(self) -> Promises:
        """What is promised of this release, or of the nearest one."""
        return promised(self.version)

    @property
    def issues(self) -> list[str]:
        """The tickets of what is known to go wrong on this release; nothing is known of a development build."""
        return [ticket for ticket, issue in issues().items() if issue.known_of(self.version)]

    @property
    def told(self) -> str:
        """In words, which QEMU this is and what it is held to."""
        return f"{self.version} ({told_of(self.version)})"

    def as_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `Contract.of` is the way back."""
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Contract":
        """Rebuild a contract from `as_json`."""
        return cls(**{**values, "lacks": tuple(values["lacks"])})


def probe(argv: Sequence[str], folder: Path, *, loop: Loop, guardian: Guardian, timeouts: Timeouts) -> Contract:
    """Start `argv` without a machine and ask it.

    Raises UsageError where it is no QEMU, else LaunchFailure, MonitorLost, ProductFailure.
    """

    def start(name: str, *options: str) -> BareQemu:
        return BareQemu(argv, folder, name=name, loop=loop, guardian=guardian, timeouts=timeouts, options=options)

    try:
        with start("probe") as qemu:
            found = _ask(qemu)
    except (LaunchFailure, MachineError) as failure:
        if objection := _no_qemu(argv, timeouts.introduction):
            raise UsageError(f"{argv[0]} is no QEMU that runs here: {objection}", ANOTHER) from failure
        raise
    form = sandbox.strongest(lambda form: start("sandbox", sandbox.FLAG, form))
    return replace(found, sandbox=form)


def _no_qemu(argv: Sequence[str], timeout: float) -> str:
    """Say what a program answers that does not present itself as QEMU; empty for one that does."""
    try:
        said = run([*argv, "--version"], timeout=timeout)
    except MachineError as failure:
        return failure.brief.partition("\n")[0]
    return "" if "QEMU" in said else f"`--version` says {said.partition(chr(10))[0]!r}"


def _ask(qemu: BareQemu) -> Contract:
    ask = qemu.execute
    version = ask("query-version")
    types = {kind["name"] for kind in ask("qom-list-types", {"implements": "object"})}
    capabilities = {entry["capability"] for entry in ask("query-migrate-capabilities")}
    schema = ask("query-qmp-schema")
    lacks = [name for name in NEEDED_OBJECTS if name not in types]
    lacks += [driver for driver in NEEDED_DRIVERS if driver not in _enum_with(schema, "blkdebug")]
    lacks += ["x-colo"] if "x-colo" not in capabilities else []
    number = version["qemu"]
    return Contract(
        version=f"{number['major']}.{number['minor']}.{number['micro']} {version['package']}".strip(),
        build=_build_digest(qemu.process),
        lacks=tuple(lacks),
        return_path="x-colo" in capabilities and _wants_return_path(ask),
        reconnect="reconnect-ms=1000" if _has_member(schema, "reconnect-ms") else "reconnect=1",
        file_uri="file" in _enum_with(schema, "rdma"),
        set_active="blockdev-set-active" in {command["name"] for command in ask("query-commands")},
        thread_names=_has_option(ask, "name", "debug-threads"),
        machine=next((one["name"] for one in ask("query-machines") if one.get("alias") == "pc"), "pc"),
    )


def _wants_return_path(ask: Any) -> bool:
    only_colo = {"capabilities": [{"capability": "x-colo", "state": True}]}
    try:
        ask("migrate-set-capabilities", only_colo)
    except CommandError as refused:
        if "return-path" in refused.description:
            return True
        raise ProductFailure(f"x-colo cannot be switched on: {refused}") from refused
    return False


def _has_option(ask: Any, option: str, parameter: str) -> bool:
    told = ask("query-command-line-options", {"option": option})
    return any(one["name"] == parameter for each in told for one in each["parameters"])


def _has_member(schema: list[dict[str, Any]], name: str) -> bool:
    return any(member["name"] == name for entry in schema for member in entry.get("members", []) if "name" in member)


def _enum_with(schema: list[dict[str, Any]], value: str) -> set[str]:
    """Return the values of every enumeration that has `value`: QAPI hides type names, not values."""
    enums = [set(entry["values"]) for entry in schema if entry["meta-type"] == "enum"]
    return set().union(*(values for values in enums if value in values))


def _build_digest(process: Process) -> str:
    """Digest the files that the process was started from and has mapped, by name, size and age."""
    mapped = set(process.argv)
    for pid in process.group():
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
        mapped |= {line.split(maxsplit=5)[5] for line in maps if "/" in line}
    files = [path for path in map(Path, sorted(mapped)) if path.is_file()]
    known = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]
