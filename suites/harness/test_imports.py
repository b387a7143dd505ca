"""Slow libraries are imported where they are used: nobody waits for them who does not need them."""

import sys
from pathlib import Path

import pytest

from colo_harness.machine.process import run

SLOW = ("scapy", "matplotlib", "numpy")
"""Each takes a third of a second or more."""
LOADED = "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize(
    "work",
    [
        "import pytest; pytest.main(['--collect-only', '-q', '--results-dir=RESULTS'])",
        "import colo_harness.cli",
    ],
    ids=["collection", "command line"],
)
def test_neither_collection_nor_command_line_imports(work: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The whole suite is collected, or the command is loaded, without any of them."""
    script = f"import sys; {work.replace('RESULTS', str(tmp_path))}; {LOADED}"
    told = run(["env", f"--chdir={pytestconfig.rootpath}", sys.executable, "-c", script], timeout=60)
    loaded = told.rpartition("LOADED")[2].split()
    assert "colo_harness" in loaded
    assert not set(SLOW) & set(loaded)
