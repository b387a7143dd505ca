"""A run of the suite that another command of ours looks at: what it says goes into a file."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from colo_harness.cli.run import ROOT

Verdicts = dict[str, str]
"""Of each claim that the run tested: valid, invalid, known or unknown."""
FAREWELL = 60.0
"""Seconds that a run has to end in good order once its time is over."""


def judge(options: Sequence[str], place: Path, *, timeout: float | None = None) -> dict[str, Any]:
    """Run the suite with pytest's `options`; return its claims.json, nothing where it left none.

    Its evidence is in `place`. After `timeout` seconds it is interrupted, and what was judged until then counts.
    """
    place.mkdir(parents=True, exist_ok=True)
    written = place / "claims.json"
    written.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-m", "not harness", f"--results-dir={place}", *options]
    with (
        (place / "output.txt").open("wb") as output,
        subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT) as running,
    ):
        try:
            running.wait(timeout)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(FAREWELL)
            except subprocess.TimeoutExpired:
                running.kill()
    return dict(json.loads(written.read_text(encoding="utf-8"))) if written.exists() else {}


def verdicts(options: Sequence[str], place: Path) -> Verdicts:
    """Do as `judge`; return the verdicts alone."""
    return {one["id"]: one["verdict"] for one in judge(options, place).get("claims", [])}
