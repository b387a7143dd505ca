"""A part of the command line as the QMP command that adds it to a running QEMU: `chardev-add` or `object-add`."""

from collections.abc import Callable
from typing import Any

from colo_harness.qemu.argv import Part

_TYPED: dict[str, Callable[[str], Any]] = {
    "vnet_hdr_support": lambda value: value == "on",
    "compare_timeout": int,
    "expired_scan_cycle": int,
}
"""Properties that are no strings in JSON (qapi/qom.json)."""


def command(part: Part, *, before: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return the command and its arguments; a filter comes ahead of the filter `before`, if one is named."""
    kind, _, rest = part.value.partition(",")
    properties = dict(one.split("=", 1) for one in rest.split(","))
    if part.flag == "-chardev":
        return "chardev-add", {"id": part.id, "backend": {"type": kind, "data": _socket(properties)}}
    if before and kind.startswith("filter-"):
        properties |= {"insert": "before", "position": f"id={before}"}
    return "object-add", {
        "qom-type": kind,
        **{name: _TYPED.get(name, str)(value) for name, value in properties.items()},
    }


def _socket(properties: dict[str, str]) -> dict[str, Any]:
    """Return the backend; without `wait` a server waits for nobody (qapi/char.json, ChardevSocket)."""
    address = {"type": "inet", "data": {"host": properties["host"], "port": properties["port"]}}
    return {"addr": address, "server": properties.get("server") == "on"}
