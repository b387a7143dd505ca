"""A run of the suite that another command of ours looks at: what it says goes into a file."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from colo_harness.cli.run import ROOT

Verdicts = dict[str, str]
"""Of each claim that the run tested: valid, invalid, known or unknown."""


def verdicts(options: Sequence[str], place: Path) -> Verdicts:
    """Run the suite with pytest's `options`; return its verdicts, none where it broke. Its evidence is in `place`."""
    place.mkdir(parents=True, exist_ok=True)
    written = place / "claims.json"
    written.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-m", "not harness", f"--results-dir={place}", *options]
    with (place / "output.txt").open("wb") as output:
        subprocess.run(argv, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False)
    if not written.exists():
        return {}
    told = json.loads(written.read_text(encoding="utf-8"))
    return {one["id"]: one["verdict"] for one in told["claims"]}
