"""Which accelerator a guest runs under is decided by running it, once for each boot of the machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from colo_harness.doctor import Doctor
from colo_harness.errors import MachineError
from colo_harness.history import History
from colo_harness.machine import probe
from colo_harness.qemu import accelerator
from colo_harness.qemu.accelerator import Trial
from colo_harness.qemu.topology import GuestKind, Topology
from colo_harness.qemu.vm import VM
from colo_harness.qemu.warm import await_boot
from colo_harness.settings import Accel, Settings, Timeouts

SLOW, FAST, MUTE = Trial(4, 300), Trial(0.2, 25_000), Trial(reason="no linux guest runs under kvm")
UP = Trial(1)
Plant = dict[tuple[GuestKind, Accel], Trial]
EMULATED: Plant = {("tick", "kvm"): SLOW, ("tick", "tcg"): FAST}
REAL: Plant = {("tick", "kvm"): FAST, ("tick", "tcg"): SLOW}


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    """Settings whose cache has QEMU and the guests, and no trial."""
    for part in ("releases", "kernel", "lwip", "software", "images"):
        (tmp_path / part).symlink_to(Settings().cache_dir / part)
    return Settings(cache_dir=tmp_path)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """What trials come to, in place of guests; asking for any other fails the test. /dev/kvm opens."""
    plant: Plant = {}
    monkeypatch.setattr(probe, "kvm", lambda: "it opens")
    monkeypatch.setattr(accelerator, "_try", lambda _, kind, accel: plant[kind, accel])
    return plant


def test_a_linux_guest_comes_up_alone(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very one that is tried under KVM, here under TCG; it finds its disk and its NIC, and waits for neither."""
    consoles: list[History] = []

    def listen(vm: VM, history: History, topology: Topology, *, timeout: float) -> None:
        consoles.append(history)
        await_boot(vm, history, topology, timeout=timeout)

    monkeypatch.setattr(accelerator, "await_boot", listen)
    found = accelerator.trial(replace(fresh, timeouts=Timeouts(5)), "linux", "tcg")
    assert not found.reason
    assert found.seconds > 0
    assert [entry.what for entry in consoles[0] if "gave up" in entry.what] == []


def test_a_micro_guest_comes_up_alone(fresh: Settings) -> None:
    """It finds its NIC, without which it says so and stands still."""
    assert not accelerator.trial(fresh, "micro", "tcg").reason


def test_a_tick_guest_shows_its_pace(fresh: Settings) -> None:
    """TCG makes thousands of passes a second even on a busy machine; an emulating KVM hundreds."""
    assert accelerator.trial(fresh, "tick", "tcg").passes > 1000


def test_a_guest_that_does_not_come_up_is_given_up(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its deadline; the reason says what was seen last."""
    monkeypatch.setitem(accelerator.DEADLINES, "linux", 0.3)
    found = accelerator.trial(fresh, "linux", "tcg")
    assert found.reason.startswith("no linux guest runs under tcg: waited 0.3 s for the linux guest to boot; last seen")


def test_a_qemu_that_refuses_is_quoted(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own last words, not our command line."""
    monkeypatch.setattr("colo_harness.qemu.argv._cpu", lambda _: "abacus")
    found = accelerator.trial(fresh, "tick", "tcg")
    assert "abacus" in found.reason
    assert "-nodefaults" not in found.reason


def test_a_guest_is_tried_once(fresh: Settings, planted: Plant) -> None:
    """Until the machine boots, somebody asks for it anew, or what was kept is damaged."""
    planted["tick", "kvm"] = SLOW
    first = accelerator.trial(fresh, "tick", "kvm")
    planted["tick", "kvm"] = FAST
    again = accelerator.trial(fresh, "tick", "kvm")
    (kept,) = (fresh.cache_dir / "accelerators").glob("*.json")
    kept.write_text("{")
    unknown = accelerator.known(fresh, "tick", "kvm")
    mended = accelerator.trial(fresh, "tick", "kvm")
    accelerator.forget(fresh)
    assert (first, again, unknown, mended) == (SLOW, SLOW, None, FAST)
    assert accelerator.known(fresh, "tick", "kvm") is None


def test_rights_to_kvm_are_looked_at_each_time(
    fresh: Settings, planted: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come and go while the machine is up."""

    def refuse() -> str:
        raise MachineError("/dev/kvm: Permission denied", "join the group")

    planted.update(REAL)
    assert not accelerator.trial(fresh, "tick", "kvm").reason
    monkeypatch.setattr(probe, "kvm", refuse)
    assert accelerator.trial(fresh, "tick", "kvm").reason == "/dev/kvm: Permission denied"


@pytest.mark.parametrize(
    ("plant", "chosen", "why"),
    [
        ({("tick", "kvm"): MUTE}, "tcg", MUTE.reason),
        (EMULATED, "tcg", "300 passes/s under KVM, 25,000 under TCG"),
        ({**REAL, ("linux", "kvm"): MUTE}, "tcg", MUTE.reason),
        ({**REAL, ("linux", "kvm"): UP}, "kvm", "25,000 passes/s under KVM, 300 under TCG"),
    ],
    ids=["no-tick", "slower", "no-linux", "sound"],
)
def test_linux_takes_kvm_where_it_runs_and_is_no_slower(
    fresh: Settings, planted: Plant, plant: Plant, chosen: Accel, why: str
) -> None:
    """The cheapest question comes first: what is not planted is not asked for."""
    planted.update(plant)
    assert accelerator.for_linux(fresh) == chosen
    assert why in accelerator.why(fresh)


def test_a_run_does_not_wait_for_linux_under_a_slow_kvm(fresh: Settings, planted: Plant) -> None:
    """Nothing hangs on the answer; `colo doctor` and a test that needs it ask all the same."""
    planted.update(EMULATED)
    assert Doctor(fresh, effort="needed").answer("kvm-linux").state == "untried"
    planted["linux", "kvm"] = MUTE
    assert Doctor(fresh).answer("kvm-linux").state == "no"
    assert Doctor(fresh, effort="needed").answer("kvm-linux").text == MUTE.reason


def test_a_plan_starts_no_guest(fresh: Settings, planted: Plant) -> None:
    """What earlier runs showed is told all the same."""
    assert Doctor(fresh, effort="none").answer("kvm-tick").state == "untried"
    planted.update(REAL)
    accelerator.paces(fresh)
    assert Doctor(fresh, effort="none").answer("kvm-tick").ok


def test_what_is_kept_is_json(fresh: Settings, planted: Plant) -> None:
    """One file for each guest and accelerator."""
    planted["tick", "tcg"] = FAST
    accelerator.trial(fresh, "tick", "tcg")
    (kept,) = (fresh.cache_dir / "accelerators").glob("*-tick-tcg.json")
    assert json.loads(kept.read_text()) == {"seconds": 0.2, "passes": 25_000, "reason": ""}
