"""Which accelerator runs which guest here: decided by running one, never by looking at /dev/kvm alone.

Nested virtualisation can be there and yet emulate every instruction: a boot sector then runs, a Linux kernel does not
come up. So the tick guest's speed under KVM is compared with its speed under TCG.
"""

import json
import re
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from colo_harness.machine.probe import kvm_device
from colo_harness.qemu import guest, release
from colo_harness.settings import Accel, Settings

FIRST_LINE_S = 40.0
"""A tick guest under emulated KVM takes up to ten seconds to its first line."""
LINES = 4


@dataclass(frozen=True)
class Pace:
    """How fast a tick guest runs: generations a second, 0 where it does not; `reason` says why not."""

    generations: float
    reason: str = ""


def for_linux(settings: Settings) -> Accel:
    """Return the accelerator of Linux guests: as asked for, or KVM where it is no slower than TCG."""
    if settings.accel != "auto":
        return settings.accel
    return "kvm" if pace(settings, "kvm").generations >= pace(settings, "tcg").generations > 0 else "tcg"


def why(settings: Settings) -> str:
    """Explain `for_linux` in a sentence."""
    if settings.accel != "auto":
        return "asked for"
    kvm, tcg = pace(settings, "kvm"), pace(settings, "tcg")
    return kvm.reason or f"a tick guest makes {kvm.generations:.0f} passes/s under KVM, {tcg.generations:.0f} under TCG"


def pace(settings: Settings, accel: Accel) -> Pace:
    """Run a tick guest on the reference QEMU and measure it; once for each boot of the machine."""
    kept = _kept(settings, accel)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        if not kept.exists():
            kept.write_text(json.dumps(asdict(_measure(settings, accel))), encoding="utf-8")
    return Pace(**json.loads(kept.read_text(encoding="utf-8")))


def known_pace(settings: Settings, accel: Accel) -> Pace | None:
    """Return what `pace` measured since the machine was booted, None if it has not."""
    kept = _kept(settings, accel)
    return Pace(**json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else None


def _kept(settings: Settings, accel: Accel) -> Path:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return settings.cache_dir / "accelerators" / f"{boot}-{accel}.json"


def _measure(settings: Settings, accel: Accel) -> Pace:
    if accel == "kvm" and not (device := kvm_device()).ok:
        return Pace(0, device.reason)
    disk = f"if=ide,format=raw,snapshot=on,file={guest.tick(settings)}"
    options = ["-machine", "pc", "-accel", accel, "-cpu", "qemu64", "-m", "16", "-nodefaults", "-display", "none"]
    argv = ["timeout", str(FIRST_LINE_S), *release.reference(settings).argv(), *options, "-serial", "stdio"]
    with subprocess.Popen([*argv, "-drive", disk], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as qemu:
        seen = []
        for line in qemu.stdout or ():
            if printed := re.search(r"[0-9a-f]{8}", line):
                seen.append((time.monotonic(), int(printed[0], 16)))
            if len(seen) == LINES:
                break
        qemu.terminate()
        complaint = (qemu.stderr.read() if qemu.stderr else "").strip()
    if len(seen) < LINES:
        return Pace(0, f"no tick guest runs under {accel} in {FIRST_LINE_S:g} s: {complaint or 'a silent console'}")
    (start, first), (end, last) = seen[0], seen[-1]
    return Pace((last - first) / max(end - start, 1e-6))
