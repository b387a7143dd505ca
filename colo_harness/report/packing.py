"""Packing: what Allure embeds in its page is compressed, and unpacked when the page asks for it."""

import re
from base64 import b64decode, b64encode
from gzip import compress
from pathlib import Path

from colo_harness.errors import HarnessError

UNPACK = Path(__file__).with_name("unpack.js")
DATUM = re.compile(r'\bd\("([^"]+)","([^"]*)"\)')
"""A file of the report: its path and its content in Base64 (plugin-awesome 3.18, generators.js)."""
KEEPER = re.compile(r"function d\(name, ?value\) ?\{.*?\}\);\s*\}", re.DOTALL)
"""What the page does with each file."""
PROGRAM = re.compile(r'<script\s+src="data:text/javascript;base64,([^"]*)"\s*></script>')


def pack(html: str) -> str:
    """Return a page of Allure's that is complete in itself with its files and its program compressed.

    Raises HarnessError where the page is not of the form that we know.
    """
    packed, kept = KEEPER.subn("", html)
    unpack = UNPACK.read_text(encoding="utf-8")
    packed, programs = PROGRAM.subn(lambda found: f'<script>{unpack}start("{_smaller(found[1])}");</script>', packed)
    packed, files = DATUM.subn(lambda found: f'd("{found[1]}","{_smaller(found[2])}")', packed)
    if not (kept == programs == 1 and files):
        seen = f"{kept} keepers, {programs} programs and {files} files"
        raise HarnessError(
            f"Allure's page is of another form: it has {seen}", "`colo setup` installs the Allure we know"
        )
    return packed


def _smaller(content: str) -> str:
    return b64encode(compress(b64decode(content), mtime=0)).decode()
