"""What a library makes of a connection that is lost, told as a socket tells it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_sockets_tell(*errors: type[Exception]) -> Iterator[None]:
    """Raise in place of each of a library's `errors` the OSError that is behind it, or a ConnectionError."""
    try:
        yield
    except errors as trouble:
        raise _behind(trouble) or ConnectionError(str(trouble)) from trouble


def _behind(trouble: BaseException) -> OSError | None:
    """Return the first error of a socket in the chain of causes."""
    seen: BaseException | None = trouble
    while seen is not None and not isinstance(seen, OSError):
        seen = seen.__cause__ or seen.__context__
    return seen
