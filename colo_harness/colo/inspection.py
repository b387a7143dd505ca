"""An inspection: which of COLO's parts a QEMU has, and how they are, for whoever reads why a test failed."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from colo_harness.errors import CommandError, ProductFailure
from colo_harness.qemu.vm import VM

KINDS = ("filter-mirror", "filter-redirector", "filter-rewriter", "colo-compare")
DOCUMENTED = {
    "primary": {"m0": "filter-mirror", "redire0": KINDS[1], "redire1": KINDS[1], "comp0": "colo-compare"},
    "secondary": {"f1": KINDS[1], "f2": KINDS[1], "rew0": "filter-rewriter"},
    "promoted": {"rew0": "filter-rewriter"},
}
"""The objects that the document gives each side, by id."""
SHOWN = ("status", "queue", "indev", "outdev", "primary_in", "secondary_in", "compare_timeout", "expired_scan_cycle")
PROXY = ("mirror0", "red0")
"""Streams without which a side has no proxy."""
HANGS = 5.0
"""Seconds that an answer may take: a QEMU that hangs is to be told of, not waited for."""
DEEPEST = 8

Nodes = Mapping[str, Mapping[str, Any]]


def inspect(vm: VM) -> str:
    """Return what the QEMU says of itself now, a line for each part; asks only, and changes nothing."""
    if not vm.alive:
        return f"{vm.name}: its QEMU is gone\n"
    lines = [f"{vm.name}:"]
    try:
        with vm.patience(HANGS):
            for ask in (_state, _objects, _streams, _disks):
                lines += [f"  {line}" for line in ask(vm)]
    except ProductFailure as failure:
        lines.append(f"  does not answer: {failure.brief}")
    return "\n".join(lines) + "\n"


def _state(vm: VM) -> Iterator[str]:
    mode = vm.execute("query-colo-status")
    yield f"run state {vm.execute('query-status')['status']}, COLO mode {mode['mode']}, last mode {mode['last-mode']}"
    on = [one["capability"] for one in vm.execute("query-migrate-capabilities") if one["state"]]
    delay = vm.execute("query-migrate-parameters").get("x-checkpoint-delay")
    migration = vm.execute("query-migrate").get("status", "none")
    yield f"migration {migration}, capabilities {', '.join(on) or 'none'}, x-checkpoint-delay {delay} ms"


def _objects(vm: VM) -> Iterator[str]:
    listed = vm.execute("qom-list", {"path": "/objects"})
    found = {one["name"]: one["type"][len("child<") : -1] for one in listed if one["type"].startswith("child<")}
    for name, kind in found.items():
        if kind in KINDS:
            yield f"{kind} {name}: {', '.join(_properties(vm, name))}"
    part = _part(vm.execute("query-colo-status"))
    proxied = any(one["label"] in PROXY for one in vm.execute("query-chardev"))
    for name, kind in DOCUMENTED.get(part, {}).items() if proxied else ():
        if name not in found:
            yield f"{kind} {name}: ABSENT, which the document gives a {part} side"


def _part(told: Mapping[str, str]) -> str:
    """Return primary, secondary or promoted, or what COLO's mode is else."""
    return "promoted" if (told["mode"], told["last-mode"]) == ("none", "secondary") else told["mode"]


def _properties(vm: VM, name: str) -> Iterator[str]:
    there = {one["name"] for one in vm.execute("qom-list", {"path": f"/objects/{name}"})}
    for wanted in SHOWN:
        if wanted in there:
            try:
                value = vm.execute("qom-get", {"path": f"/objects/{name}", "property": wanted})
            except CommandError:
                continue
            if value not in (None, ""):
                yield f"{wanted} {value}"


def _streams(vm: VM) -> Iterator[str]:
    for one in vm.execute("query-chardev"):
        if one["filename"].startswith(("tcp:", "disconnected:tcp:")):
            yield f"stream {one['label']}: {one['filename']}"


def _disks(vm: VM) -> Iterator[str]:
    nodes = {one["node-name"]: one for one in vm.execute("query-named-block-nodes", {"flat": True})}
    for device in vm.execute("query-block"):
        if node := device.get("inserted", {}).get("node-name"):
            yield f"disk {device['device'] or device.get('qdev', '')}:"
            yield from (f"  {line}" for line in _tree(nodes, node, "", 0))


def _tree(nodes: Nodes, name: str, role: str, depth: int) -> Iterator[str]:
    """Yield the node and its children; QEMU before 10.1 does not tell of these."""
    node = nodes.get(name)
    if node is None or depth > DEEPEST:
        return
    file = node.get("file", "")
    place = "" if file.startswith("json:") else f" {PurePath(file).name if file.startswith('/') else file}"
    yield f"{'  ' * depth}{f'{role}: ' if role else ''}{node['drv']}{place}"
    for child in node.get("children", []):
        yield from _tree(nodes, child.get("node-name", ""), child.get("child", ""), depth + 1)
