"""`colo timeline`: draw a recorded history."""

from pathlib import Path
from typing import Annotated

import typer

from colo_harness.errors import UsageError, printable
from colo_harness.report.timeline import draw

History = Annotated[
    Path, typer.Argument(help="A recorded history, one JSON object a line.", exists=True, dir_okay=False)
]
Out = Annotated[Path | None, typer.Option(help="Write the picture here, not beside the history.", dir_okay=False)]


def timeline(history: History, out: Out = None) -> None:
    """Draw the timeline of a recorded history as SVG."""
    name = history.name.removesuffix(".gz").removesuffix(".jsonl")
    target = out or history.with_name(f"{name}.svg")
    picture = draw(history, name)
    try:
        target.write_bytes(picture)
    except OSError as trouble:
        raise UsageError(f"{target}: {trouble.strerror}", "name another file with --out") from trouble
    typer.echo(printable(str(target)))
