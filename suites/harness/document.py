"""QEMU's own COLO document, system/qemu-colo, as the reference release ships it: what it says to type."""

import html
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

_SECTION = r'<section id="{}">(.*?)</section>'
_LISTING = re.compile(r"<(pre|code)\b[^>]*>(.*?)</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")

Command = tuple[str, dict[str, Any]]
"""A QMP command and its arguments."""


@dataclass(frozen=True)
class Option:
    """One option of a command line; `kind` is the first word of its value where that is no property."""

    flag: str
    kind: str
    properties: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """What names it among the options of a command line."""
        return self.flag, self.properties.get("id", self.kind)


@dataclass(frozen=True)
class Document:
    """The page, in HTML; `names` maps what it writes, such as `$primary_ip`, to what that is here."""

    page: str
    names: Mapping[str, str]

    def command_lines(self) -> list[list[Option]]:
        """Return the options of "Startup qemu": the primary's, then the secondary's."""
        text = "\n".join(self._listings("startup-qemu")).replace("\\\n", "")
        return [
            options(shlex.split(line)[2:]) for line in text.splitlines() if line.startswith("# qemu-system-x86_64 ")
        ]

    def commands(self, section: str) -> list[list[Command]]:
        """Return the QMP commands of each listing of the section, but for the greeting's qmp_capabilities."""
        return [list(_commands(listing)) for listing in self._listings(section) if '"execute"' in listing]

    def _listings(self, section: str) -> list[str]:
        found = re.search(_SECTION.format(section), self.page, re.DOTALL)
        if found is None:
            raise LookupError(f"the document has no section {section}")
        return [self._here(html.unescape(_TAG.sub("", listing))) for _, listing in _LISTING.findall(found[1])]

    def _here(self, text: str) -> str:
        for name, meant in self.names.items():
            text = text.replace(name, meant)
        return text


def options(words: Sequence[str]) -> list[Option]:
    """Return a command line's options; a word that starts with a minus is a flag."""
    pairs = zip_longest(words, words[1:], fillvalue="-")
    return [_option(flag, "" if value.startswith("-") else value) for flag, value in pairs if flag.startswith("-")]


def _option(flag: str, value: str) -> Option:
    kind, _, rest = ("", "", value) if "=" in value.partition(",")[0] else value.partition(",")
    return Option(flag, kind, dict(one.partition("=")[::2] for one in rest.split(",") if one))


def _commands(listing: str) -> Iterator[Command]:
    decoder, at = json.JSONDecoder(), 0
    while (at := listing.find("{", at)) >= 0:
        told, at = decoder.raw_decode(listing, at)
        if told["execute"] != "qmp_capabilities":
            yield told["execute"], told.get("arguments", {})
