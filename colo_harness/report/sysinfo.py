"""What is known of the machines that runs were made on, beyond what the doctor found: a text for each of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from colo_harness.report.runs import Run

FOLDER = "sysinfo"
"""In a results folder; a file in it has the name of its machine."""


def texts(named: Mapping[str, Sequence[Run]]) -> dict[str, Path]:
    """Return them by the name that they are shown by."""
    found = (file for runs in named.values() for run in runs for file in sorted((run.place / FOLDER).glob("*.txt")))
    return {f"{FOLDER}-{file.name}": file for file in found}
