"""The background event loop that drives every monitor, console and trace of this process."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Loop:
    """One asyncio loop on one daemon thread; the methods below are the synchronous doors to it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="colo-loop", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, work: Coroutine[Any, Any, T], *, timeout: float) -> T:
        """Run `work` on the loop and return its result; raises TimeoutError after `timeout` seconds."""
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout), self._loop)
        try:
            return future.result(timeout + 5)
        except concurrent.futures.CancelledError as cancelled:
            raise TimeoutError from cancelled

    def on_readable(self, fd: int, read: Callable[[], None]) -> None:
        """Call `read` on the loop's thread whenever `fd` has data or has ended."""
        self._loop.call_soon_threadsafe(self._loop.add_reader, fd, read)

    def stop_reading(self, fd: int) -> None:
        """Undo `on_readable` from within `read`: the descriptor has ended."""
        self._loop.remove_reader(fd)

    def forget(self, fd: int) -> None:
        """Undo `on_readable`, and return once `read` will not be called any more."""

        async def remove() -> None:
            self._loop.remove_reader(fd)

        self.call(remove(), timeout=10)

    def close(self) -> None:
        """Stop the thread and the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
