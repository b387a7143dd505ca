"""Gathering: the raw results of several runs in one folder, each result labelled with its run's environment."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from colo_harness.report.results import write
from colo_harness.report.runs import Run

LABEL = "environment"
"""allurerc.mjs sorts results by it."""


def gather(named: Mapping[str, Sequence[Run]], folder: Path) -> None:
    """Fill `folder`, an empty one, with all that the runs left. Raises UsageError for what cannot be read."""
    for name, runs in named.items():
        for run in runs:
            for path in run.raw.iterdir():
                if not path.name.endswith("-result.json") and path.name != "environment.properties":
                    _link(path, folder / path.name)
            for path, result in run.results():
                labels = [*result.get("labels", []), {"name": LABEL, "value": name}]
                write(folder / path.name, {**result, "labels": labels})


def _link(path: Path, target: Path) -> None:
    """Put the file there too, at no cost where that is the same file system."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copy(path, target)
