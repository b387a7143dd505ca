"""`colo replay`: do again what a history did to a colo-compare on the bench, and judge what comes of it."""

from pathlib import Path
from typing import Annotated

import typer

from colo_harness.cli.options import CacheDir, Qemu, Release
from colo_harness.settings import Settings


def replay(
    history: Annotated[Path, typer.Argument(metavar="HISTORY", help="A recorded history of a bench, gzip or not.")],
    qemu: Qemu = None,
    release: Release = Settings.release,
    cache_dir: CacheDir = None,
    keep: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Leave the new history and pcaps there.")] = None,
) -> None:
    """Send the frames of a history to a bare QEMU again; exits 0 when all is valid now, 1 when not, 3 if unsure."""
    from colo_harness.cli import rerun  # noqa: PLC0415 - takes longer to import than `colo --help` takes

    executable = qemu.absolute() if qemu else None
    settings = Settings(cache_dir=cache_dir or Settings().cache_dir, qemu=executable, release=release)
    raise typer.Exit(rerun.rerun(history, settings, keep))
