"""Which accelerator runs which guest here: decided by running one, never by looking at /dev/kvm alone.

Nested virtualisation can be there and yet emulate every instruction: a boot sector then runs, a Linux kernel does not
come up. So each kind of guest is tried, once for each boot of the machine.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from colo_harness.errors import MachineError, ProductFailure
from colo_harness.history import History
from colo_harness.machine import probe
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.holding import scratch
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, contract, guest, release
from colo_harness.qemu.argv import Boot, Files, Part
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import GuestKind, Topology
from colo_harness.qemu.vm import VM, Surroundings
from colo_harness.qemu.warm import await_boot
from colo_harness.settings import Accel, Settings
from colo_harness.wait import wait_until

DEADLINES: dict[GuestKind, float] = {"tick": 40.0, "micro": 40.0, "linux": 20.0}
"""Seconds until a guest must be up. Linux takes 3 s under TCG: a KVM that takes several times as long is of no use.
The others take up to ten seconds under a KVM that emulates every instruction, and run there all the same."""
LINES = 20
"""So many lines of a tick guest, 10 ms apart, are its pace."""


@dataclass(frozen=True)
class Trial:
    """What became of a guest: up after so many seconds; a tick guest made so many passes a second."""

    seconds: float = 0
    passes: float = 0
    reason: str = ""
    """Why it did not come up; empty when it did."""


def for_linux(settings: Settings) -> Accel:
    """Return the accelerator of Linux guests: as asked for, or KVM where it runs them and is no slower than TCG."""
    if settings.accel != "auto":
        return settings.accel
    return "tcg" if _objection(settings) else "kvm"


def why(settings: Settings) -> str:
    """Explain `for_linux` in a sentence."""
    return "asked for" if settings.accel != "auto" else _objection(settings) or paces(settings)


def kvm_is_slower(settings: Settings) -> bool:
    """Say whether a tick guest is slower under KVM than under TCG."""
    return trial(settings, "tick", "kvm").passes < trial(settings, "tick", "tcg").passes


def paces(settings: Settings) -> str:
    """Say how fast a tick guest is under both accelerators."""
    kvm, tcg = trial(settings, "tick", "kvm"), trial(settings, "tick", "tcg")
    return f"a tick guest makes {kvm.passes:,.0f} passes/s under KVM, {tcg.passes:,.0f} under TCG"


def trial(settings: Settings, kind: GuestKind, accel: Accel) -> Trial:
    """Start such a guest alone on the reference QEMU; once for each boot of the machine. Raises HarnessError."""
    if found := known(settings, kind, accel):
        return found
    kept = _kept(settings, kind, accel)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        found = _load(kept)
        if found is None:
            found = _try(settings, kind, accel)
            fresh = kept.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(found)), encoding="utf-8")
            fresh.replace(kept)
    return found


def known(settings: Settings, kind: GuestKind, accel: Accel) -> Trial | None:
    """Return what `trial` would without starting a guest, None where it would have to."""
    return _refusal(accel) or _load(_kept(settings, kind, accel))


def forget(settings: Settings) -> None:
    """Let every guest be tried again."""
    for kept in _folder(settings).glob("*.json"):
        kept.unlink()


def _objection(settings: Settings) -> str:
    """Say what speaks against KVM for Linux guests, the cheapest question first; empty where nothing does."""
    if reason := trial(settings, "tick", "kvm").reason:
        return reason
    return paces(settings) if kvm_is_slower(settings) else trial(settings, "linux", "kvm").reason


def _refusal(accel: Accel) -> Trial | None:
    """Ask the device anew each time: rights to it come and go while the machine is up."""
    try:
        if accel == "kvm":
            probe.kvm()
    except MachineError as failure:
        return Trial(reason=failure.problem)
    return None


def _folder(settings: Settings) -> Path:
    return settings.cache_dir / "accelerators"


def _kept(settings: Settings, kind: GuestKind, accel: Accel) -> Path:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return _folder(settings) / f"{boot}-{kind}-{accel}.json"


def _load(kept: Path) -> Trial | None:
    """Return what was kept, None where nothing is or where it is damaged."""
    try:
        return Trial(**json.loads(kept.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _try(settings: Settings, kind: GuestKind, accel: Accel) -> Trial:
    deadline = DEADLINES[kind] * settings.timeouts.factor
    topology = Topology(guest=kind, accel=accel)
    with scratch("colo-") as folder, Guardian() as guardian, Loop() as loop:
        guardian.add_folder(folder)
        files = Files(folder)
        around = Surroundings(loop, guardian, settings.timeouts)
        command = [*_sandboxed(settings, folder, around), *_alone(settings, topology, files)]
        try:
            with (
                History() as history,
                VM("host_a", command, files, site=Here(), history=history, around=around) as vm,
            ):
                await_boot(vm, history, topology, timeout=deadline)
                seconds = history.now()
                return Trial(seconds, _pace(history, deadline) if kind == "tick" else 0)
        except ProductFailure as failure:
            return Trial(reason=f"no {kind} guest runs under {accel}: {failure.brief}")
        finally:
            guardian.drop_folder(folder)


def _sandboxed(settings: Settings, folder: Path, around: Surroundings) -> list[str]:
    """Return what starts the reference QEMU."""
    qemu, place = release.reference(settings).argv(), folder / "probe"
    place.mkdir()
    found = contract.probe(qemu, place, loop=around.loop, guardian=around.guardian, timeouts=around.timeouts)
    return [*qemu, *found.sandboxing]


def _alone(settings: Settings, topology: Topology, files: Files) -> argv.Graph:
    """Return the command line of a guest with a disk that keeps nothing and, where it wants one, a NIC to nowhere."""
    nowhere = Part("-netdev", "hubport,id=hn0,hubid=0")
    match topology.guest:
        case "tick":
            boot = None
            parts = [Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(settings)}")]
        case "micro":
            boot = Boot(guest.micro(settings), None, "micro")
            parts = [nowhere]
        case _:
            image = guest.linux(settings)
            boot = Boot(image.kernel, image.initrd, guest.CMDLINE)
            parts = [Part("-drive", "if=virtio,driver=null-co,size=64M"), nowhere]
    return argv.machine(topology, files, host="host_a", boot=boot).without("hn0").joined(parts)


def _pace(history: History, deadline: float) -> float:
    """Return how many passes a second a tick guest makes."""

    def printed() -> list[tuple[float, int]]:
        lines = [entry for entry in history if entry.kind == "console"]
        return [(line.at, int(line.what, 16)) for line in lines if re.fullmatch("[0-9a-f]{8}", line.what)]

    wait_until("a tick guest to go on", lambda: len(printed()) >= LINES, timeout=deadline)
    (start, first), *_, (end, last) = printed()
    return (last - first) / (end - start)
