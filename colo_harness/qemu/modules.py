"""The kernel modules of a guest: which ones it needs, and the index by which modprobe finds them.

Debian's packages ship no modules.dep. What depmod(8) would read to make one is in each module's .modinfo section:
its aliases, and the modules whose symbols it uses.
"""

import lzma
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import CacheError

_ELF64_SECTION_TABLE = struct.Struct("<40xQ10xHHH")
_ELF64_SECTION = struct.Struct("<I20xQQ24x")


@dataclass(frozen=True)
class Module:
    """One module, by its name with underscores."""

    name: str
    content: bytes
    """An ELF object, not compressed."""
    needs: tuple[str, ...]
    """The modules that it uses itself, not what these use in turn."""
    aliases: tuple[str, ...]
    """What it drives, such as `pci:v00001AF4d*sv*sd*bc*sc*i*`."""

    @property
    def file(self) -> str:
        """How it is called in the guest."""
        return f"{self.name}.ko"


def closure(folder: Path, wanted: Iterable[str]) -> list[Module]:
    """Return the modules `wanted` of the kernel in `folder` and all that they need, each behind what it needs.

    What is compiled into the kernel needs nothing and is left out. Raises CacheError.
    """
    files = {_name(path): path for path in folder.glob("kernel/**/*.ko*")}
    builtin = {_name(Path(line)) for line in (folder / "modules.builtin").read_text(encoding="ascii").splitlines()}
    found: dict[str, Module] = {}

    def add(name: str) -> None:
        if name in found or name in builtin:
            return
        if name not in files:
            raise CacheError(f"{folder.name}: the kernel has no module {name}", "choose Debian's generic kernel")
        module = read_module(files[name])
        for needed in module.needs:
            add(needed)
        found[name] = module

    for name in wanted:
        add(name)
    return list(found.values())


def read_module(path: Path) -> Module:
    """Read a module file, plain or compressed with xz. Raises CacheError."""
    try:
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        pairs = [line.decode().split("=", 1) for line in _modinfo(content).split(b"\0") if b"=" in line]
    except (struct.error, ValueError, IndexError, OverflowError, lzma.LZMAError) as damage:
        raise CacheError(f"{path}: not a kernel module ({damage})", "fetch the kernel anew with colo setup") from damage
    needs = next((value for key, value in pairs if key == "depends"), "")
    return Module(
        name=_name(path),
        content=content,
        needs=tuple(name.replace("-", "_") for name in needs.split(",") if name),
        aliases=tuple(value for key, value in pairs if key == "alias"),
    )


def dependencies(modules: Iterable[Module]) -> str:
    """Return modules.dep: behind each module all that it needs, in reverse order of loading. See modules.dep(5)."""
    known = {module.name: module for module in modules}

    def needed(module: Module) -> Iterator[str]:
        for name in module.needs:
            if name in known:
                yield from needed(known[name])
                yield known[name].file

    return "".join(
        f"{module.file}: {' '.join(reversed(dict.fromkeys(needed(module))))}".rstrip() + "\n"
        for module in known.values()
    )


def aliases(modules: Iterable[Module]) -> str:
    """Return modules.alias."""
    return "".join(f"alias {alias} {module.name}\n" for module in modules for alias in module.aliases)


def _name(path: Path) -> str:
    return path.name.split(".")[0].replace("-", "_")


def _modinfo(elf: bytes) -> bytes:
    """Return the .modinfo section of an ELF64 object. Raises struct.error, ValueError, IndexError."""
    table, size, count, names = _ELF64_SECTION_TABLE.unpack_from(elf)
    sections = [_ELF64_SECTION.unpack_from(elf, table + size * number) for number in range(count)]
    _, start, length = sections[names]
    strings = elf[start : start + length]
    for name, offset, length in sections:
        if strings[name : strings.index(b"\0", name)] == b".modinfo":
            return elf[offset : offset + length]
    raise ValueError("no .modinfo")
