"""Links: what a file of the checkout is called on the site, and how one page gets to another."""

import os
import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

DOCS = "docs"
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "README.md": "index.md",
        "CONTRIBUTING.md": "contributing.md",
        "CHANGELOG.md": "changelog.md",
        "LICENSE": "licence.txt",
        "reports/README.md": "reports.md",
        "images/README.md": "images.md",
    }
)
"""Files that are on the site and not in `docs`: path in the checkout -> path on the site."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_CELLS = re.compile(r"(?<=\| )[A-Z0-9]+-\d+(?:, [A-Z0-9]+-\d+)*(?= \|)")


def home(page: str) -> str:
    """Return the path in the checkout of what is `page` on the site."""
    found = [path for path, name in ELSEWHERE.items() if name == page]
    return found[0] if found else f"{DOCS}/{page}"


def page(path: str) -> str:
    """Return what a file of the checkout is called on the site; one that is not there keeps its path, and is missed."""
    inside = PurePosixPath(path).is_relative_to(DOCS)
    return path.removeprefix(f"{DOCS}/") if inside else ELSEWHERE.get(path, path)


def for_site(text: str, here: str, where: Mapping[str, str]) -> str:
    """Return the Markdown of the page `here` with its links as the site needs them.

    A cell of a table that has claims and nothing else becomes links to `where` each claim is described.
    """

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(home(here)), link[1]))
        return _from(here, page(target))

    def claims(cell: re.Match[str]) -> str:
        return ", ".join(
            f"[{name}]({_from(here, where[name])})" if name in where else name for name in cell[0].split(", ")
        )

    return _outside_code(text, lambda prose: _CELLS.sub(claims, _LINK.sub(moved, prose)))


def _from(here: str, there: str) -> str:
    return os.path.relpath(there, posixpath.dirname(here) or ".")


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    r"""Change what is no code; in code `\|` is a bar, which Python-Markdown would show with its backslash."""
    done, at = [], 0
    for code in _CODE.finditer(text):
        done += [change(text[at : code.start()]), _bar(code[0])]
        at = code.end()
    return "".join([*done, change(text[at:])])


def _bar(code: str) -> str:
    return code if code.startswith("```") else code.replace(r"\|", "|")
