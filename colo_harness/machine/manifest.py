"""The manifest of an unpacked tree: what every file was when it was fetched, and whether it still is."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

FileRecord = dict[str, str | int]
"""`size` in bytes, `mtime_ns` and `sha256` of a regular file, or `link`, the target of a symbolic link."""

SET_ID_BITS = stat.S_ISUID | stat.S_ISGID


def describe(root: Path) -> dict[str, FileRecord]:
    """Return a record of each file below `root`, by relative path; folders and devices have none.

    Drops set-id bits on the way: nothing in a cache needs them.
    """
    return {str(path.relative_to(root)): record for path in _walk(root) if (record := _record(path))}


def wrong_file(root: Path, files: Mapping[str, FileRecord], essential: Sequence[str], *, thorough: bool) -> str | None:
    """Say which file below `root` is the first that is not as `files` has it, or None.

    Each glob pattern of `essential` must match a recorded file. Those are hashed, with `thorough` all
    are; the others' sizes and times are looked at, and their content only where the time differs, as
    it does after a copy.
    """
    hashed: set[str] = set()
    for pattern in essential:
        found = {str(path.relative_to(root)) for path in root.glob(pattern)}
        if not found & files.keys():
            return f"{pattern} is missing"
        hashed |= found
    for name, record in files.items():
        if not _is_as_recorded(root / name, record, hashed=thorough or name in hashed):
            return f"{name} is missing or changed"
    return None


def sha256(path: Path) -> str:
    """Return the hexadecimal digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(root: Path) -> Iterator[Path]:
    """Yield what is no folder below `root`; os.walk counts links to folders among the folders."""
    for folder, folders, names in os.walk(root):
        yield from (Path(folder, name) for name in sorted(names))
        yield from (path for name in sorted(folders) if (path := Path(folder, name)).is_symlink())


def _record(path: Path) -> FileRecord | None:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return {"link": str(path.readlink())}
    if not stat.S_ISREG(found.st_mode):
        return None
    if found.st_mode & SET_ID_BITS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~SET_ID_BITS)
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": sha256(path)}


def _is_as_recorded(path: Path, record: FileRecord, *, hashed: bool) -> bool:
    try:
        if "link" in record:
            return str(path.readlink()) == record["link"]
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != record["size"]:
            return False
        return not (hashed or found.st_mtime_ns != record["mtime_ns"]) or sha256(path) == record["sha256"]
    except OSError:
        return False
