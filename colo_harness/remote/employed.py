"""Something of ours that works on a real host, such as a relay; whoever uses it here need not know."""

from typing import Any

from colo_harness.remote.link import REACH, Link


class Employed:
    """Stands for an object of `kind` that the agent has made: what it is asked, it asks there."""

    def __init__(self, link: Link, number: int, kind: type) -> None:
        self._link = link
        self._number = number
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        """Return what the attribute of that name is there, or what calls the method."""
        if name.startswith("_"):
            raise AttributeError(name)
        if isinstance(getattr(self._kind, name, None), property):
            return self._tell(name)

        def ask(*given: Any, **arguments: Any) -> Any:
            return self._tell(name, *given, **arguments)

        return ask

    def _tell(self, name: str, *given: Any, **arguments: Any) -> Any:
        patience = arguments.get("timeout", 0) + REACH
        told: dict[str, Any] = {"number": self._number, "name": name, "given": given, "arguments": arguments}
        return self._link.call("tell", timeout=patience, **told)
