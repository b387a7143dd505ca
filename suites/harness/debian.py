"""Debian packages made on the spot, so that no test needs a mirror."""

from pathlib import Path

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
