"""A browser that looks at pages: what it complains of, and whether all is there that they lead to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from colo_harness.machine.browser import FLAGS, executable

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page, Request

LOCAL = ("file:", "data:", "blob:")
BROKEN_IMAGES = "Array.from(document.images).filter(one => !one.naturalWidth).map(one => one.src.slice(0, 80))"
LINKS = "Array.from(document.querySelectorAll('a[href]')).map(one => one.href)"


class Looker:
    """Opens pages one after the other; `complaints` are what was wrong with all of them."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.on("request", self._watch)
        page.on("requestfailed", lambda asked: self._complain("not loaded", asked.url[:80]))

    def look(self, page: Path, anchor: str = "", *, text: str = "") -> None:
        """Open a page, at a place in it, wait for `text` to be seen there, and look at images and links."""
        self._page.goto(f"{page.absolute().as_uri()}{f'#{anchor}' if anchor else ''}", wait_until="load")
        if text:
            self._page.get_by_text(text).first.wait_for()
        self._page.wait_for_function("Array.from(document.images).every(one => one.complete)")
        for image in self._page.evaluate(BROKEN_IMAGES):
            self._complain("image", image)
        for link in self._page.evaluate(LINKS):
            place = urlsplit(link)
            if place.scheme == "file" and not Path(unquote(place.path)).exists():
                self._complain("link", link)

    def _hear(self, said: "ConsoleMessage") -> None:
        if said.type in ("error", "warning"):
            self._complain("console", said.text)

    def _watch(self, asked: "Request") -> None:
        if not asked.url.startswith(LOCAL):
            self._complain("request", asked.url)

    def _complain(self, what: str, of: str) -> None:
        self.complaints.append(f"{what}: {of}")


@contextmanager
def opened() -> Iterator[Callable[[], Looker]]:
    """Yield what opens lookers in one browser. They raise playwright's Error where a text is not seen."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a machine without it can collect tests, too

    with sync_playwright() as steering:
        browser = steering.chromium.launch(executable_path=executable(), args=list(FLAGS))
        try:
            yield lambda: Looker(browser.new_page())
        finally:
            browser.close()
