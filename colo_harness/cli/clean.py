"""`colo clean`: remove what a power cut leaves, and nothing that anybody holds."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from colo_harness.cli.options import CacheDir
from colo_harness.colo import running
from colo_harness.machine import remains
from colo_harness.machine.remains import Remain
from colo_harness.settings import Settings


def clean(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    cache_dir: CacheDir = None,
) -> None:
    """Remove what runs and pairs left that were ended together with their guardians, as by a power cut."""
    settings = Settings(cache_dir=cache_dir) if cache_dir else Settings()
    nothing = True
    with running.registry() as place:
        for remain in _remains(place, settings):
            nothing = False
            if not dry_run:
                remain.remove()
            typer.echo(f"{'would remove' if dry_run else 'removed'} {remain.what}")
    if nothing:
        typer.echo("nothing to clean")


def _remains(place: Path, settings: Settings) -> Iterator[Remain]:
    """Find all that is nobody's: processes first, which may still be writing into the rest."""
    temporary = Path(tempfile.gettempdir())
    yield from remains.processes(temporary, place)
    for pair in running.dead(place):
        yield Remain(f"pair {pair.name!r} that nobody keeps", partial(running.bury, pair))
    yield from remains.folders(temporary)
    yield from remains.half_made(settings.cache_dir)
