"""A finding's page, as reports show it."""

from pathlib import Path


def title(page: Path) -> str:
    """Return its heading: number and sentence. Raises OSError."""
    return page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
