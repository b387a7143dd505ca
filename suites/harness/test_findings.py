"""The findings' pages print what the reference QEMU does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab

FINDINGS = Path(__file__).parents[2] / "docs/findings"
CASES = [
    (script.name, case)
    for script in sorted(FINDINGS.glob("*.py"))
    for case in sorted(set(re.findall(r'^    "(\d{4})": ', script.read_text(encoding="utf-8"), re.MULTILINE)))
]


@pytest.mark.parametrize(("script", "case"), CASES)
def test_a_page_shows_what_its_script_prints(script: str, case: str, lab: Lab, tmp_path: Path) -> None:
    """Line by line, on the QEMU under test."""
    (page,) = FINDINGS.glob(f"{case}-*.md")
    argv = [sys.executable, str(FINDINGS / script), case, *lab.qemu]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert f"```\n{ran.stdout}```\n" in page.read_text(encoding="utf-8")
