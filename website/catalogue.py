"""The catalogue of claims: a page for each area, made of suites/claims.toml and a census of the tests."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colo_harness.judge.claims import Claim, load_claims
from colo_harness.judge.register import register
from colo_harness.judge.verdict import Plain
from fixtures.markers import AREAS
from website.census import Entry

FOLDER = "claims"
_FINDING = re.compile(r"^\| \[\d+\]\((\S+)\) \| ([^|]+) \|", re.MULTILINE)
_SOURCES = """
What a claim is promised in is given with it. "colo" is QEMU 11.1's document system/qemu-colo, "2016" is
docs/COLO-FT.txt as first published, "proxy" is docs/colo-proxy.txt, "block" is docs/block-replication.txt; paths are
those of QEMU's source.

"""


@dataclass(frozen=True)
class Catalogue:
    """What is claimed, and what tests it."""

    claims: dict[str, Claim]
    census: Sequence[Entry]
    findings: Sequence[tuple[str, str]]
    """Of each finding its file, and the claims that it is about, with commas between them."""

    @classmethod
    def of(cls, root: Path, census: Sequence[Entry]) -> "Catalogue":
        """Read the claims and the table of findings of the checkout at `root`. Raises UsageError."""
        table = (root / "docs/findings/README.md").read_text(encoding="utf-8")
        return cls(load_claims(root / "suites/claims.toml"), census, _FINDING.findall(table))

    @property
    def pages(self) -> dict[str, str]:
        """Markdown by path, relative to the documentation."""
        areas = dict.fromkeys(claim.area for claim in self.claims.values())
        pages = {f"{FOLDER}/{area}.md": "\n".join(self._page(area)) for area in areas}
        return {f"{FOLDER}/index.md": "\n".join(self._index(areas)), **pages}

    def where(self, claim: str) -> str:
        """Return where in the documentation a claim is described."""
        return f"{FOLDER}/{self.claims[claim].area}.md#{claim.lower()}"

    def _index(self, areas: Iterable[str]) -> Iterator[str]:
        yield "# Claims\n"
        yield "Made of `suites/claims.toml` and of what pytest collects, when this site was built.\n"
        yield "| area | what it is about | claims | tests | controls |\n|---|---|---|---|---|"
        for area in areas:
            ids = {claim.id for claim in self.claims.values() if claim.area == area}
            mine = [entry for entry in self.census if ids & set(entry.claims)]
            tests = {entry.function for entry in mine}
            controls = sum(bool(entry.sabotage) for entry in mine)
            yield f"| [{area}]({area}.md) | {AREAS[area]} | {len(ids)} | {len(tests)} | {controls} |"
        yield "\nA test counts once, whatever number of variants it has."
        yield _SOURCES

    def _page(self, area: str) -> Iterator[str]:
        yield f"# Claims: {area}\n\n{AREAS[area].capitalize()}.\n"
        yield f"```sh\n.venv/bin/colo run -- suites/{area}\n```\n"
        yield _SOURCES
        for claim in self.claims.values():
            if claim.area == area:
                yield from self._claim(claim)

    def _claim(self, claim: Claim) -> Iterator[str]:
        mine = [entry for entry in self.census if claim.id in entry.claims]
        known = [name for name, claims in self.findings if claim.id in claims.split(", ")]
        yield f"## {claim.id}\n\n**{_prose(claim.text)}**\n"
        yield f"Promised in: {_prose(claim.source)}.\n"
        if known:
            yield f"Broken by the reference as in finding {', '.join(map(_finding, known))}.\n"
        yield f"```sh\n.venv/bin/pytest {_selection(mine)}--claim={claim.id}\n```\n"
        yield from _tests(mine)
        yield from _controls([entry for entry in mine if entry.sabotage])


def _prose(text: str) -> str:
    """Return a sentence of claims.toml as Markdown: underscores and asterisks are letters in it."""
    return "`".join(part if at % 2 else _plain(part) for at, part in enumerate(text.split("`")))


def _plain(text: str) -> str:
    return text.replace("_", r"\_").replace("*", r"\*").replace("<", "&lt;")


def _selection(entries: Sequence[Entry]) -> str:
    """Return what must be told pytest so that none of the tests is left out."""
    slow = {"slow" in entry.markers for entry in entries}
    return '-m "slow or not slow" ' if slow == {True, False} else "-m slow " if slow == {True} else ""


def _tests(entries: Sequence[Entry]) -> Iterator[str]:
    for function in dict.fromkeys(entry.function for entry in entries if not entry.sabotage):
        mine = [entry for entry in entries if entry.function == function and not entry.sabotage]
        known = dict.fromkeys(entry.finding for entry in mine if entry.finding)
        yield f"* {_prose(mine[0].sentence)}<br>`{function.removeprefix('suites/')}`<br>"
        yield "  " + "; ".join([
            f"{len(mine)} variants" if len(mine) > 1 else "1 variant",
            *_each("marked", (name for entry in mine for name in entry.markers)),
            *_each("needs", (name for entry in mine for name in entry.needs)),
            *_each("sees again", (ticket for entry in mine for ticket in entry.tickets)),
            *(f"must fail, by finding {_finding(name)}" for name in known),
        ])  # fmt: skip
    yield ""


def _each(what: str, names: Iterable[str]) -> list[str]:
    told = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
    return [f"{what} {told}"] if told else []


def _finding(name: str) -> str:
    return f"[{int(name[:4])}](../findings/{name})"


def _controls(entries: Sequence[Entry]) -> Iterator[str]:
    if entries:
        yield "Controls:\n"
    yield from dict.fromkeys(
        f"* `{entry.sabotage}`: {' or '.join(map(_checker, entry.checkers))} must say no in"
        f" `{entry.function.rpartition('::')[2]}`"
        for entry in entries
    )
    yield ""


def _checker(name: str) -> str:
    """Return a link to a checker's docstring."""
    known = register().get(name)
    if known is None:
        return f"`{name}`"
    where = f"{known.judge.__module__}.{name}" if isinstance(known, Plain) else f"{known.__module__}.{known.__name__}"
    return f"[`{name}`][{where}]"
