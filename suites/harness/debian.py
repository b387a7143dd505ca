"""Debian packages made on the spot, so that no test needs a mirror."""

from pathlib import Path

from colo_harness.machine.manifest import sha256
from colo_harness.machine.process import run


def make_deb(folder: Path, name: str, files: dict[str, str], *, version: str = "1.0-1", depends: str = "") -> Path:
    """Build `folder`/`name`_…_amd64.deb that holds executable `files` (path in the package to content)."""
    tree = folder / "trees" / name
    for path, content in files.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o755)
    control = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Maintainer": "nobody <nobody@localhost>",
        "Description": "made for a test",
    }
    if depends:
        control["Depends"] = depends
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN").chmod(0o755)  # dpkg-deb wants it
    (tree / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in control.items()))
    deb = folder / f"{name}_{version}_amd64.deb"
    run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, deb], timeout=60)
    return deb


def make_source(folder: Path, name: str, files: dict[str, str], *, version: str = "2.1") -> list[Path]:
    """Build `folder`/`name`_….orig.tar.xz that holds `files` below a folder of its own, and its .dsc; return both."""
    tree = folder / "trees" / f"{name}-{version}"
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    archive, description = folder / f"{name}_{version}.orig.tar.xz", folder / f"{name}_{version}-1.dsc"
    run(["tar", "--create", "--xz", f"--directory={tree.parent}", f"--file={archive}", tree.name], timeout=60)
    description.write_text(f"Format: 3.0 (quilt)\nSource: {name}\nVersion: {version}-1\n")
    return [archive, description]


def make_archive(pool: Path, *, costume: str = "red") -> Path:
    """Make `pool` an unsigned archive with the suite `stage`: `play` needs `actor`, which needs `costume`.

    There is a source package `score`, too.
    """
    main = pool / "dists/stage/main"
    lists = {main / "binary-amd64/Packages": "", main / "source/Sources": ""}
    packages, sources = lists
    for deb in (
        make_deb(pool, "play", {"usr/bin/play": "3 acts"}, depends="actor (>= 1)"),
        make_deb(pool, "actor", {"usr/bin/actor": "1"}, depends="costume | nothing"),
        make_deb(pool, "costume", {"usr/share/costume": costume}),
    ):
        fields = run(["dpkg-deb", "--field", deb], timeout=10)
        lists[packages] += f"{fields}Filename: {deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256(deb)}\n\n"
    scores = "".join(f" {_summed(file)} {file.name}\n" for file in make_source(pool, "score", {"music": "la"}))
    lists[sources] = f"Package: score\nVersion: 2.1-1\nDirectory: .\nChecksums-Sha256:\n{scores}\n"
    for file, text in lists.items():
        file.parent.mkdir(parents=True)
        file.write_text(text)
    summed = "".join(f" {_summed(file)} main/{file.relative_to(main)}\n" for file in lists)
    (pool / "dists/stage/Release").write_text(
        f"Suite: stage\nCodename: stage\nArchitectures: amd64\nComponents: main\nSHA256:\n{summed}"
    )
    return pool


def _summed(file: Path) -> str:
    """Return digest and size as Debian's lists have them."""
    return f"{sha256(file)} {file.stat().st_size}"


def flip(file: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
