"""`colo avocado` runs the suite in parts, here and elsewhere, and makes one report of them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from colo_harness.cli.avocado import merged
from colo_harness.cli.recipe import parts, runnable
from colo_harness.judge.score import exit_status
from colo_harness.machine.estate import outside
from colo_harness.machine.namespace import Namespace
from colo_harness.settings import Settings
from fixtures.settings import GUARDIAN
from suites.harness.carried import carried
from suites.harness.sshd import ssh_server

COLO = str(Path(sys.executable).with_name("colo"))
LIMIT = 240.0
CHEAP = "test_what_differs_is_held_until_the_checkpoint or test_a_prefix_waits_for_the_rest"
"""A bench each, in two files' worth of a second."""


def avocado(place: Path, settings: Settings, *options: str, within: Namespace | None = None) -> Any:
    """Run it on two tests."""
    argv = ["nsenter", f"--net={within.path}"] if within else []
    argv += [COLO, "avocado", "--area=proxy", f"--results-dir={place}", *options]
    argv += [f"--cache-dir={settings.cache_dir}", "--", "-k", CHEAP]
    surroundings = {**os.environ, "TMPDIR": str(outside())}
    return subprocess.run(argv, env=surroundings, capture_output=True, text=True, timeout=LIMIT, check=False)


def judged(place: Path) -> dict[str, list[str]]:
    """Return what each test of the parts came to."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(place.glob("proxy-*/claims.json"))]
    return {f"{one['shard'][0]}/{one['shard'][1]}": [test["verdict"] for test in one["tests"]] for one in found}


def test_a_runnable_has_all_that_avocado_asks_for() -> None:
    """Tags to choose by, what comes before it, and a time after which it is interrupted."""
    first, second = (
        runnable(part, Path("/r"), 5, ["--cache-dir=/c"], ["-x"]) for part in parts(["proxy"], ["trixie"], 2)
    )
    assert first["kwargs"]["tags"] == {"area": ["proxy"], "release": ["trixie"], "shard": ["1/2"]}
    assert second["args"][:3] == ["--signal=INT", "--kill-after=60", "300"]
    assert {"--shard=2/2", "--release=trixie", "--results-dir=/r/proxy-trixie-2-of-2", "-x"} <= {*second["args"]}
    (before,) = first["kwargs"]["dependencies"]
    assert before["args"] == ["setup", "--release=trixie", "--cache-dir=/c"]


def test_parts_run_on_this_machine(tmp_path: Path, settings: Settings) -> None:
    """Each as a test of Avocado's, with what it has seen of the machine; the report is of both."""
    ran = avocado(tmp_path, settings, "--shards=2")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert judged(tmp_path) == {"1/2": ["valid"] * 3, "2/2": ["valid"] * 2}
    assert "PASS 2 | ERROR 0 | FAIL 0 | SKIP 0" in ran.stdout
    *_, seen = [file.read_bytes() for file in sorted(tmp_path.glob("proxy-*/sysinfo/*.txt"))]
    assert b"== cpuinfo ==" in seen
    assert seen in carried(tmp_path / "report" / "index.html").values()
    assert "sysinfo-" in (tmp_path / "report" / "summary.html").read_text(encoding="utf-8")


@pytest.mark.needs("sshd")
def test_parts_run_on_other_machines(tmp_path: Path, settings: Settings, pytestconfig: pytest.Config) -> None:
    """By ssh, as on this one."""
    with Namespace("host") as host, ssh_server(host, tmp_path, pytestconfig.stash[GUARDIAN]) as slot:
        place = tmp_path / "results"
        ran = avocado(place, settings, f"--slot={slot}", "--listen=127.0.0.1:8888", within=host)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert judged(place) == {"1/1": ["valid"] * 5}
    assert "Accepted publickey" in (tmp_path / "sshd.err").read_text(encoding="utf-8")
    assert len(list(place.glob("proxy-*/sysinfo/*.txt"))) == 1


def test_a_part_without_verdicts_is_no_pass(tmp_path: Path, settings: Settings) -> None:
    """Whatever kept it from them: the harness is at fault, not QEMU."""
    told = merged(tmp_path, list(parts(["proxy"], ["trixie"], 1)), settings)
    assert told["broken"] == [f"proxy-trixie-1-of-1 left no verdicts: see {tmp_path / 'jobs'}"]
    assert exit_status(told) == 2


@pytest.mark.parametrize(
    ("written", "options", "said"),
    [
        ("", ["--listen=127.0.0.1:1"], "--slot and --listen go together"),
        ("", ["--slot=slot.json"], "--slot slot.json: cannot be read (Expecting value: line 1 column 1 (char 0))"),
        ('{"client": "ssh"}', ["--slot=slot.json"], "--slot slot.json: host is missing"),
        ("", ["--area=nowhere"], "--area nowhere: there is no suites/nowhere"),
    ],
    ids=["half-said", "empty-slot", "half-a-slot", "no-area"],
)
def test_what_cannot_run_is_said_at_once(tmp_path: Path, written: str, options: list[str], said: str) -> None:
    """In a line and a remedy, before Avocado is started or anything is removed."""
    (tmp_path / "slot.json").write_text(written)
    argv = [COLO, "avocado", "--results-dir=kept", *options]
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr.splitlines()[0]) == (2, f"colo: {said}")
    assert not (tmp_path / "kept").exists()
