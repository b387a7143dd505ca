"""A page of Markdown: its sections, tables, listings and links."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_QUOTATION = re.compile(r"^From `([^`]+)`:\n\n```\w+\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


@dataclass(frozen=True)
class Page:
    """The text of a page, or of a part of one."""

    text: str

    def section(self, heading: str) -> "Page":
        """Return what is below a heading, up to the next one that is no deeper."""
        start = re.search(rf"^(#+) {re.escape(heading)}$", self.text, re.MULTILINE)
        if start is None:
            raise LookupError(f"there is no heading {heading!r}")
        rest = self.text[start.end() :]
        end = re.search(rf"^#{{1,{len(start[1])}}} ", rest, re.MULTILINE)
        return Page(rest[: end.start()] if end else rest)

    @property
    def rows(self) -> list[list[str]]:
        r"""The cells of all tables but for their headers; `\|` is no border."""
        lines = [line for line in self.text.splitlines() if line.startswith("|")]
        starts = {at + step for at, line in enumerate(lines) if line.startswith("|---") for step in (-1, 0)}
        bodies = [line for at, line in enumerate(lines) if at not in starts]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in bodies]

    @property
    def commands(self) -> list[str]:
        """The lines of all shell listings, comments left out."""
        listings = re.findall(r"^```sh\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return [line.partition(" #")[0].strip() for listing in listings for line in listing.splitlines() if line]

    @property
    def quotations(self) -> list[tuple[str, str]]:
        """Path and text of each listing that says where it is from."""
        return _QUOTATION.findall(self.text)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Path and anchor of each link within the tree."""
        return _LINK.findall(self.text)

    @property
    def anchors(self) -> set[str]:
        """What a link to a heading of this page may name."""
        headings = re.findall(r"^#+ (.*)$", self.text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def words(*texts: str) -> list[str]:
    """Return what stands in backticks."""
    return [word for text in texts for word in re.findall(r"`([^`\n]+)`", text)]


def first_words(cells: Iterable[str]) -> list[str]:
    """Return the first word of what each cell has in backticks, what is behind `(` or `=` left out."""
    return [re.split(r"[ (=]", word)[0] for word in words(*cells)]
