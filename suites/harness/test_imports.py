"""Slow libraries are imported where they are used: nobody waits for them who does not need them."""

import sys
from pathlib import Path

import pytest

from colo_harness.machine.process import run

SLOW = ("scapy", "matplotlib", "numpy", "mkdocs", "mkdocstrings", "redis", "httpx", "asyncssh")
"""Each takes a fifth of a second or more."""
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


def test_who_only_collects_rewrites_no_test(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Asserts that will not run need no explanation, which costs a third of a collection."""
    marked = "print('FOUND', len(tests), [name for name in tests if '@pytest_ar' in vars(sys.modules[name])])"
    find = "tests = [name for name in sys.modules if name.startswith('suites.')]"
    collect = f"import sys, pytest; pytest.main(['--collect-only', '-q', '--results-dir={tmp_path}'])"
    argv = ["env", f"--chdir={pytestconfig.rootpath}", sys.executable, "-c", f"{collect}; {find}; {marked}"]
    found = run(argv, timeout=60).rpartition("FOUND ")[2].split(maxsplit=1)
    assert int(found[0]) > 50
    assert found[1].strip() == "[]"
