"""The reference: a page for each room of the library, of its docstrings."""

import ast
from collections.abc import Iterator
from pathlib import Path

FOLDER = "reference"
PACKAGE = "colo_harness"


def pages(root: Path) -> dict[str, str]:
    """Return Markdown by path, relative to the documentation, of the library in the checkout at `root`."""
    rooms = sorted(path.parent.relative_to(root) for path in (root / PACKAGE).rglob("__init__.py"))
    made = {f"{FOLDER}/{name(room)}.md": "\n".join(_page(root, room)) for room in rooms}
    return {f"{FOLDER}/index.md": "\n".join(_index(root, rooms)), **made}


def name(room: Path) -> str:
    """Return what the page of a room is called: `judge`, `report.timeline`; the package's own modules are `library`."""
    return ".".join(room.parts[1:]) or "library"


def _index(root: Path, rooms: list[Path]) -> Iterator[str]:
    yield "# Reference\n"
    yield "The library's docstrings. What starts with an underscore is nobody's but its module's.\n"
    yield "| room | what is in it |\n|---|---|"
    for room in rooms:
        yield f"| [{name(room)}]({name(room)}.md) | {_sentence(root / room / '__init__.py')} |"
    yield ""


def _page(root: Path, room: Path) -> Iterator[str]:
    yield f"# {name(room)}\n\n{_sentence(root / room / '__init__.py')}\n"
    for module in sorted((root / room).glob("*.py")):
        if not module.stem.startswith("_"):
            yield f"::: {'.'.join(room.parts)}.{module.stem}\n"


def _sentence(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())
