"""A browser of this machine, started without a screen: pages of ours are looked at in it."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from colo_harness.errors import MachineError
from colo_harness.machine.process import run

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # it is root's, and opens nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_TIMEOUT = 60.0
_PAGE = "data:text/html,<p>seen</p>"
_INSTALL = "run as root: apt-get install chromium"


def executable() -> Path:
    """Return the browser. Raises MachineError."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return Path(found)
    raise MachineError(f"there is no {NAMES[0]}", _INSTALL)


def probe() -> str:
    """Show a page in it. Raises MachineError."""
    browser = executable()
    if not find_spec("playwright"):
        raise MachineError("the Python package playwright is not installed", "`make setup` installs it")
    shown = run([browser, "--headless", *FLAGS, "--dump-dom", _PAGE], timeout=START_TIMEOUT, remedy=_INSTALL)
    if "<p>seen</p>" not in shown:
        raise MachineError(f"{browser} does not show a page", _INSTALL)
    return str(browser)
