"""The doctor: a probe for each thing that a run may need. It does the thing, and says what helps where it cannot."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from colo_harness.diagnosis import Answer, Diagnosis, State
from colo_harness.errors import CacheError, HarnessError, MachineError, ProductFailure, UsageError
from colo_harness.machine import browser, probe, tool
from colo_harness.machine.bundle import Recipe, damage
from colo_harness.machine.estate import outside
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.holding import scratch
from colo_harness.qemu import accelerator, applications, contract, guest, kernel, lwip, release, software
from colo_harness.qemu.contract import NEEDED_DRIVERS, NEEDED_OBJECTS, Contract
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import GuestKind
from colo_harness.remote.examination import examine
from colo_harness.report import node
from colo_harness.settings import Settings

Effort = Literal["none", "needed", "all"]
"""Which guests may be started for an answer: none, those on which a choice of `--accel` hangs, or all."""
ROOM = 1 << 29
"""Bytes that a run's disks and logs may take at a time."""
JUDGED = ("qemu", "qemu-capabilities")
"""Probes with which a QEMU that was started may fail on its own account."""


class Untried(Exception):
    """A probe would have to start a guest, which it may not; the text says why."""


class Declined(Exception):
    """The user does not want what the probe is about; the text says so."""


class Doctor:
    """Asks about the machine and the QEMU under test, each question at most once."""

    def __init__(self, settings: Settings, *, effort: Effort = "all") -> None:
        self.settings = settings
        self.effort = effort
        self._answers: dict[str, Answer] = {}

    def answer(self, name: str) -> Answer:
        """Return what the probe `name` comes to. Raises UsageError where there is none."""
        if name not in PROBES:
            raise UsageError(f"no probe for the need {name!r}", f"known: {', '.join(sorted(PROBES))}")
        if name not in self._answers:
            self._answers[name] = self._ask(PROBES[name])
        return self._answers[name]

    def cause(self, name: str) -> Answer:
        """Return the answer that decides this one: its own, or that of the first in the chain that it comes after."""
        return self._cause(PROBES[name]) or self.answer(name)

    def demand(self, *names: str) -> None:
        """Ask for these alone. Raises MachineError for the first that cannot be done, unless that is judged."""
        for name in names:
            if not (found := self.cause(name)).ok and not found.judged:
                raise MachineError(f"{found.name}: {found.text}", found.remedy)

    def examine(
        self,
        asking: Callable[[str], object] = lambda _: None,
        heard: Callable[[Answer], object] = lambda _: None,
    ) -> Diagnosis:
        """Ask everything. `asking` is told the name of a probe before, `heard` its answer as soon as it is there."""
        for name in PROBES:
            asking(name)
            heard(self.answer(name))
        answers = [*map(self.answer, PROBES)]
        for answer in examine(self.settings, self.settings.hosts) if self.settings.hosts else ():
            heard(answer)
            answers.append(answer)
        return Diagnosis(tuple(answers), self._accelerators())

    def _accelerators(self) -> dict[str, str]:
        tick = self.cause("kvm-tick")
        under = "tcg and kvm, each" if tick.ok else f"tcg alone: {tick.text}"
        if self.settings.accel == "auto" and not tick.ok:
            return {"tick": under, "linux": f"tcg: {tick.text}"}
        return {"tick": under, "linux": f"{accelerator.for_linux(self.settings)}: {accelerator.why(self.settings)}"}

    @cached_property
    def contract(self) -> Contract:
        """What the QEMU under test says of itself over QMP. Raises HarnessError, ProductFailure."""
        argv = release.under_test(self.settings)
        with scratch("colo-") as folder, Guardian() as guardian, Loop() as loop:
            guardian.add_folder(folder)
            found = contract.probe(argv, folder, loop=loop, guardian=guardian, timeouts=self.settings.timeouts)
            guardian.drop_folder(folder)
            return found

    def _ask(self, one: "Probe") -> Answer:
        start = time.monotonic()
        state, text, remedy, judged = self._find(one)
        cause = self._cause(one)
        must = (one.must and (cause is None or cause.must)) or (
            self.settings.accel == "kvm" and one.name.startswith("kvm")
        )
        seconds = round(time.monotonic() - start, 3)
        return Answer(one.name, state, " ".join(text.split()).rstrip("."), remedy, must, seconds, judged)

    def _find(self, one: "Probe") -> tuple[State, str, str, bool]:
        if cause := self._cause(one):
            return cause.state, f"for want of {cause.name}" if cause.state == "no" else cause.text, "", False
        try:
            return "ok", one.ask(self), "", False
        except (Untried, Declined) as reason:
            return "untried" if isinstance(reason, Untried) else "declined", str(reason), "", False
        except HarnessError as failure:
            return "no", failure.brief.partition("\n")[0], failure.remedy, False
        except ProductFailure as failure:
            return "no", failure.brief, failure.remedy or contract.UNBUILT, one.name in JUDGED
        except OSError as failure:
            trouble = MachineError.of(failure)
            return "no", trouble.problem, trouble.remedy, False

    def _cause(self, one: "Probe") -> Answer | None:
        """Return the answer that starts the chain of those without which this one is no yes."""
        for name in one.after:
            if not (before := self.answer(name)).ok:
                return self._cause(PROBES[name]) or before
        return None


@dataclass(frozen=True)
class Probe:
    """One question: `ask` does the thing and returns what it found, in a phrase.

    It raises HarnessError, ProductFailure or OSError where the thing cannot be done.
    """

    name: str
    ask: Callable[[Doctor], str]
    must: bool = True
    """Without it nothing runs, or no report is made. What else is missing skips the tests that need it."""
    after: tuple[str, ...] = ()
    """Probes without whose yes this one is a no."""


def _of_machine(ask: Callable[[], str]) -> Callable[[Doctor], str]:
    return lambda _: ask()


def _disk(doctor: Doctor) -> str:
    cache = doctor.settings.cache_dir
    lacking = any(damage(cache, recipe) for recipe in _releases(doctor.settings))
    if not lacking and probe.read_only(cache):
        kept = f"{cache} can only be read"
    else:
        kept = probe.space(cache, 4 * ROOM if lacking else ROOM, remedy="choose another folder with --cache-dir")
    return f"{kept}, {probe.space(outside(), ROOM, remedy='choose another folder with TMPDIR')}"


def _releases(settings: Settings) -> list[Recipe]:
    """Return the releases that a run needs: the one under test, and the reference, whose qemu-img makes the disks."""
    return [release.recipe(name) for name in dict.fromkeys((release.REFERENCE, settings.release))]


def _setup(settings: Settings) -> str:
    """Return the command that fetches what a run needs."""
    return "colo setup" + (f" --release {settings.release}" if settings.release != release.REFERENCE else "")


def _cache(doctor: Doctor) -> str:
    for recipe in (*_releases(doctor.settings), kernel.RECIPE, lwip.RECIPE, software.RECIPE):
        if reason := damage(doctor.settings.cache_dir, recipe):
            raise CacheError(f"{recipe.folder}: {reason}", f"`{_setup(doctor.settings)}` fetches it")
    linux, tcp = kernel.fetch_kernel(doctor.settings), lwip.fetch_lwip(doctor.settings)
    return f"QEMU {release.reference(doctor.settings).number}, Linux {linux.version}, lwIP {tcp.version}"


def _guests(doctor: Doctor) -> str:
    settings = doctor.settings
    small = f"{guest.tick(settings).parent.name}, {guest.micro(settings).parent.name}"
    real = f"applications-{applications.applications(settings).digest[:12]}"
    return f"built: {small}, linux-{guest.linux(settings).digest[:12]}, {real}"


def _qemu(doctor: Doctor) -> str:
    if doctor.settings.qemu is None and not doctor.answer("cache").ok:
        raise CacheError(
            f"the {doctor.settings.release} QEMU is not in the cache",
            f"`{_setup(doctor.settings)}` fetches it, or name one with --qemu",
        )
    return doctor.contract.told


def _has(*names: str) -> Callable[[Doctor], str]:
    def ask(doctor: Doctor) -> str:
        if lacking := [name for name in names if name in doctor.contract.lacks]:
            raise ProductFailure(f"this QEMU has no {', '.join(lacking)}")
        return ", ".join(names)

    return ask


def _sandbox(doctor: Doctor) -> str:
    if form := doctor.contract.sandbox:
        return form
    raise MachineError(
        "this QEMU takes no -sandbox and runs without", "build it with --enable-seccomp, on a kernel that has seccomp"
    )


def _stranger(doctor: Doctor) -> str:
    settings, name = doctor.settings, release.STRANGERS[doctor.contract.return_path]
    if reason := damage(settings.cache_dir, release.recipe(name)):
        raise CacheError(f"{name}: {reason}", f"`colo setup --release {name}` fetches it")
    return f"QEMU {release.fetch(settings, name=name).number}"


def _one_machine(doctor: Doctor) -> str:
    if doctor.settings.hosts:
        raise Declined("the pair's hosts are real machines (--hosts)")
    return "the pair's hosts are namespaces of this machine"


def _kvm(doctor: Doctor) -> str:
    if doctor.settings.hosts:
        raise Declined("guests of real hosts run under TCG")
    if doctor.settings.accel == "tcg":
        raise Declined("--accel tcg was given")
    return probe.kvm()


def _runs(kind: GuestKind) -> Callable[[Doctor], str]:
    def ask(doctor: Doctor) -> str:
        settings, known = doctor.settings, accelerator.known(doctor.settings, kind, "kvm")
        if not known and doctor.effort == "none":
            raise Untried(f"no {kind} guest was started under KVM since this machine was")
        if not known and doctor.effort == "needed" and kind == "linux" and accelerator.kvm_is_slower(settings):
            raise Untried(f"{accelerator.paces(settings)}; `colo doctor` tries Linux all the same")
        found = known or accelerator.trial(settings, kind, "kvm")
        if found.reason:
            raise MachineError(found.reason, "let the outer hypervisor pass hardware virtualisation on; else TCG does")
        return accelerator.paces(settings) if kind == "tick" else f"up in {found.seconds:.1f} s"

    return ask


def _node(doctor: Doctor) -> str:
    if found := node.present(doctor.settings.cache_dir):
        return f"{found.version}, {found.executable}"
    raise CacheError(f"there is no Node.js {node.OLDEST} or later with npm for the report", "`colo setup` fetches one")


PROBES: dict[str, Probe] = {
    one.name: one
    for one in (
        Probe("memory", _of_machine(probe.memory)),
        Probe("disk", _disk),
        Probe("tools", _of_machine(tool.check)),
        Probe("netns", _of_machine(probe.netns)),
        Probe("tap", _of_machine(probe.tap), must=False, after=("netns",)),
        Probe("network", _of_machine(probe.network), after=("tap",)),
        Probe("tcpdump", _of_machine(probe.tcpdump), after=("network",)),
        Probe("netem", _of_machine(probe.netem), must=False, after=("netns",)),
        Probe("tbf", _of_machine(probe.tbf), must=False, after=("netns",)),
        Probe("nft", _of_machine(probe.nft), must=False, after=("netns",)),
        Probe("forgetting", _of_machine(probe.forgetting), must=False, after=("netns",)),
        Probe("realtime", _of_machine(probe.realtime), must=False),
        Probe("userfaultfd", _of_machine(probe.userfaultfd), must=False),
        Probe("suspension", _of_machine(probe.suspension), must=False),
        Probe("sshd", _of_machine(lambda: tool.check(tool.SSH)), must=False),
        Probe("one-machine", _one_machine, must=False),
        Probe("chromium", _of_machine(browser.probe), must=False),
        Probe("cache", _cache),
        Probe("guests", _guests, after=("cache",)),
        Probe("qemu", _qemu),
        Probe("qemu-objects", _has(*NEEDED_OBJECTS), after=("qemu",)),
        Probe("qemu-capabilities", _has("x-colo"), after=("qemu",)),
        Probe("qemu-drivers", _has(*NEEDED_DRIVERS), after=("qemu",)),
        Probe("sandbox", _sandbox, must=False, after=("qemu",)),
        Probe("stranger", _stranger, must=False, after=("qemu-capabilities",)),
        Probe("kvm", _kvm, must=False),
        Probe("kvm-tick", _runs("tick"), must=False, after=("kvm", "guests")),
        Probe("kvm-micro", _runs("micro"), must=False, after=("kvm-tick",)),
        Probe("kvm-linux", _runs("linux"), must=False, after=("kvm-tick",)),
        Probe("node", _node),
    )
}
"""Every probe by name, in the order of asking: what `colo doctor` asks and what a test may need."""
