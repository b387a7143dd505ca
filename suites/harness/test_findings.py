"""The findings' pages print what the reference QEMU does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from colo_harness.colo.lab import Lab

FINDINGS = Path(__file__).parents[2] / "docs/findings"
SCRIPT = FINDINGS / "colo-compare.py"
CASES = sorted(set(re.findall(r'^    "(\d{4})": \(', SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)))


@pytest.mark.parametrize("case", CASES)
def test_a_page_shows_what_its_script_prints(case: str, lab: Lab) -> None:
    """Line by line, on the QEMU under test."""
    (page,) = FINDINGS.glob(f"{case}-*.md")
    script = [sys.executable, str(SCRIPT), case, *lab.qemu]
    printed = subprocess.run(script, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"```\n{printed}```\n" in page.read_text(encoding="utf-8")
