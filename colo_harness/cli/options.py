"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

CacheDir = Annotated[
    Path | None,
    typer.Option(
        help="Keep fetched QEMU releases and built guests here, not in the user's cache folder.",
        file_okay=False,
        resolve_path=True,
    ),
]
