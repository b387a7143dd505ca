"""The only place that sleeps: waiting for something to become true, with a deadline and a name."""

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from colo_harness.errors import WaitTimeout

T = TypeVar("T")


def wait_until(
    what: str,
    probe: Callable[[], T | None],
    *,
    timeout: float,
    interval: float = 0.002,
    seen: Callable[[], object] | None = None,
) -> T:
    """Return the first result of `probe` that is neither None nor False.

    `what` names the awaited state for the error; `timeout` and `interval` are seconds, the interval
    doubles up to ten times itself; `seen` describes the present state for the error. Exceptions of
    `probe` pass through.
    Raises WaitTimeout.
    """
    retrying = Retrying(
        stop=stop_after_delay(timeout),
        wait=wait_exponential(multiplier=interval, max=10 * interval),
        retry=retry_if_result(lambda result: result is None or result is False),
        sleep=time.sleep,
    )
    try:
        return retrying(probe)  # type: ignore[return-value]  # the retry predicate excludes None
    except RetryError:
        last = f"; last seen: {seen()}" if seen else ""
        raise WaitTimeout(f"waited {timeout:g} s for {what}{last}") from None


def pause(seconds: float) -> None:
    """Let `seconds` pass where time itself is the subject, such as between two records of a paced client."""
    time.sleep(seconds)
