"""What a report's page carries with it."""

from base64 import b64decode
from gzip import decompress
from pathlib import Path

from colo_harness.report.packing import DATUM


def carried(page: Path) -> dict[str, bytes]:
    """Return path -> content of each file in the page."""
    return {name: decompress(b64decode(packed)) for name, packed in DATUM.findall(page.read_text(encoding="utf-8"))}
