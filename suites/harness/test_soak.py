"""--soak tells flakes from failures and keeps what they left; a runner that grows fails the run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from colo_harness.machine.growth import RESOURCES
from suites.harness.innersuite import InnerSuite

AREA = "suites/failover"
TIMES = 14
REAL_ARTIFACTS = (*("-p", "allure_pytest", "-p", "fixtures.settings", "-p", "fixtures.report"),)
FLAKY = """
runs = []

@claim("FT-1")
def test_sound():
    pass

@claim("FT-1")
def test_flaky(artifacts):
    (artifacts / "history.jsonl").write_text(f"history of run {len(runs)}")
    (artifacts / "disk.qcow2").touch()
    os.mkfifo(artifacts / "trace")
    runs.append(None)
    if len(runs) % 7 == 0:
        raise violation()
"""
LEAKS = {
    "descriptors": ("os.open('/dev/zero', os.O_RDONLY)", "+10 in 10 runs, such as /dev/zero"),
    "threads": (
        "threading.Thread(target=threading.Event().wait, name='forgotten', daemon=True).start()",
        "+10 in 10 runs, such as forgotten",
    ),
    "memory": ("held.append(b'x' * (1 << 20))", " KiB in 10 runs"),
}
LEAKY = """
import threading
held = []

@claim("FT-1")
def test_sound():
    pass

@claim("FT-1")
def test_leaky():
    LEAK
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim, FT-1 of area failover."""
    return InnerSuite(pytester)


def balance(pytester: pytest.Pytester) -> dict[str, Any]:
    """Return what the run left for programs."""
    document: dict[str, Any] = json.loads((pytester.path / "reports/soak.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["plain", "xdist"])
def test_a_flake_is_told_with_its_history(inner: InnerSuite, pytester: pytest.Pytester, workers: tuple[str]) -> None:
    """The test that fails every seventh time: how often, when, why, and where its artifacts are; disks are left out."""
    inner.tests(FLAKY)
    ran = inner.run_apart(*REAL_ARTIFACTS, f"--soak={TIMES}", AREA, *workers)
    assert ran.code == 1, ran.text
    assert f"{2 * TIMES} scenarios: 2 tests, {TIMES} times over" in ran.text
    assert f"flake: suites/failover/test_a.py::test_flaky: 2 of {TIMES}" in ran.text
    failures = balance(pytester)["failures"]
    assert [(one["repetition"], one["reason"]) for one in failures] == [
        (7, "nothing_lost: record 7 is lost."),
        (14, "nothing_lost: record 7 is lost."),
    ]
    kept = [Path(one["kept"]) for one in failures]
    assert [sorted(path.name for path in folder.iterdir()) for folder in kept] == [["history.jsonl"]] * 2
    assert (kept[1] / "history.jsonl").read_text(encoding="utf-8") == "history of run 13"


def test_what_always_fails_is_no_flake(inner: InnerSuite) -> None:
    """It is told apart."""
    inner.tests('@claim("FT-1")\ndef test_it():\n    raise violation()')
    ran = inner.run("--soak=2", AREA)
    assert ran.code == 1
    assert "failed every time: suites/failover/test_a.py::test_it: 2 of 2" in ran.text
    assert "flake:" not in ran.text


@pytest.mark.parametrize("resource", LEAKS)
def test_a_leak_is_told_with_its_test(inner: InnerSuite, pytester: pytest.Pytester, resource: str) -> None:
    """Though every test passes, the run fails; of the others nothing is said."""
    leak, named = LEAKS[resource]
    inner.tests(LEAKY.replace("LEAK", leak))
    ran = inner.run_apart(f"--soak={TIMES}", AREA)
    assert ran.code == 1, ran.text
    assert f"runner grew: {resource}" in ran.text
    found = {one["resource"]: one for one in balance(pytester)["growth"]["runner"]}
    assert [name for name, one in found.items() if one["grew"]] == [resource]
    (blamed,) = found[resource]["blame"]
    assert blamed.startswith("suites/failover/test_a.py::test_leaky: +")
    assert named in blamed


def test_a_leaking_worker_is_told(inner: InnerSuite, pytester: pytest.Pytester) -> None:
    """Each worker of xdist is judged by itself."""
    inner.tests(LEAKY.replace("LEAK", LEAKS["descriptors"][0]))
    ran = inner.run("-n2", f"--soak={2 * TIMES}", AREA)
    assert ran.code == 1, ran.text
    assert re.search(r"^gw\d grew: descriptors", ran.text, re.MULTILINE)
    assert set(balance(pytester)["growth"]) == {"gw0", "gw1"}


def test_a_sound_suite_is_clean(inner: InnerSuite, pytester: pytest.Pytester) -> None:
    """Nothing flaked and nothing grew: the run passes and says so."""
    inner.tests(LEAKY.replace("LEAK", "pass"))
    ran = inner.run_apart(f"--soak={TIMES}", AREA)
    assert ran.code == 0, ran.text
    assert "no flake" in ran.text
    assert "grew" not in ran.text
    assert tuple(one["resource"] for one in balance(pytester)["growth"]["runner"]) == RESOURCES
    assert ran.claims["FT-1"]["tests"] == 2 * TIMES


def test_few_repetitions_prove_no_growth(inner: InnerSuite) -> None:
    """It says so."""
    inner.tests(LEAKY.replace("LEAK", "pass"))
    ran = inner.run("--soak=2", AREA)
    assert ran.code == 0
    assert "too few tests to tell growth" in ran.text


def test_a_control_follows_its_twin(inner: InnerSuite) -> None:
    """Round by round, each control behind the repetition whose pass it needs; parameters stay what they are."""
    inner.tests(
        """
        @claim("FT-1")
        @control(sabotage="no-rewriter", checker="nothing_lost", on="b")
        @pytest.mark.parametrize("way", ["a", "b"])
        def test_it(sabotage, way):
            judge(sabotage)
        """
    )
    ran = inner.run("-v", "--soak=2", AREA)
    assert ran.code == 0, ran.text
    assert ran.ids == [
        f"test_it[soak:{number}-{rest}]" for number in (1, 2) for rest in ("a", "b", "b-control:no-rewriter")
    ]


def test_less_than_once_is_a_usage_error(inner: InnerSuite) -> None:
    """Status 4, and nothing runs."""
    inner.tests('@claim("FT-1")\ndef test_it():\n    pass')
    assert inner.run("--soak=0").code == 4
