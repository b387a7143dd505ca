"""Programs are started with their words as a list: no shell takes a string of ours apart."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELLS = frozenset({"sh", "bash", "dash", "/bin/sh", "/bin/bash"})
READING = frozenset({"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"})
"""Functions of os, subprocess and asyncio that hand a string to a shell."""
PROGRAMS = ("colo_harness", "fixtures", "website", "docs", "conftest.py")
"""What is not a test: those need shells to play programs that misbehave."""


def constant(node: ast.expr) -> object:
    """Return what a constant is, None for anything else."""
    return node.value if isinstance(node, ast.Constant) else None


def handed(call: ast.Call) -> bool:
    """Say whether a call hands a string to a shell."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in READING or any(word.arg == "shell" and constant(word.value) is not False for word in call.keywords)


def made(words: list[ast.expr]) -> bool:
    """Say whether a list of words lets a shell read one that is not written down whole: `sh -c`, then no constant."""
    options = [str(constant(word) or "") for word in words]
    if options[0] not in SHELLS:
        return False
    return any(
        option.startswith("-") and option.endswith("c") and not isinstance(following, ast.Constant)
        for option, following in zip(options[1:], words[2:], strict=False)
    )


def shells(source: str) -> Iterator[int]:
    """Yield each line on which a shell is given a string to take apart."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and handed(node):
            yield node.lineno
        if isinstance(node, ast.List | ast.Tuple) and node.elts and made(node.elts):
            yield node.lineno


def programs() -> list[Path]:
    """Return every file of Python that is not a test's."""
    found = [
        path for name in PROGRAMS for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    return [path for path in found if ".venv" not in path.parts]


def test_no_program_gives_a_shell_a_string() -> None:
    """What a user, a path or a QEMU puts into a word stays in that word."""
    found = [f"{path.relative_to(ROOT)}:{line}" for path in programs() for line in shells(path.read_text("utf-8"))]
    assert found == []
    assert len(programs()) > 100


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(command, shell=True)",
        "Popen(command, shell=wanted)",
        "os.system(command)",
        "with os.popen(command): pass",
        "subprocess.getoutput(command)",
        "await asyncio.create_subprocess_shell(command)",
        "run(['sh', '-c', command])",
        "argv = ('bash', '-ec', f'rm {path}')",
    ],
)
def test_one_that_does_is_found(source: str) -> None:
    """By each way there is."""
    assert list(shells(f"async def it():\n    {source}\n")) == [2]


@pytest.mark.parametrize("source", ["run(['sh', '-c', 'exec \"$@\"', 'sh', path])", "run(['ls', '-c', path])"])
def test_a_script_that_is_written_down_is_none(source: str) -> None:
    """What differs comes to it as words of its own."""
    assert list(shells(source)) == []
