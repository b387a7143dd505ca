"""The place of what is no code of the library: beside it in a checkout, within it once it is installed."""

from pathlib import Path

_LIBRARY = Path(__file__).parent
INSTALLED = (_LIBRARY / "images").is_dir()
"""Whether the library comes from a wheel, which brings no suites: then they are those of whoever calls it."""
DATA = _LIBRARY if INSTALLED else _LIBRARY.parent
"""Has images/, the guests' recipes, and docs/manager.py."""
