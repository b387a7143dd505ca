"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Accel(StrEnum):
    """What `--accel` takes."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


Accelerator = Annotated[Accel, typer.Option(help="Accelerator of Linux guests; auto takes what a probe finds.")]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        help="Keep fetched QEMU releases and built guests here, not in the user's cache folder.",
        file_okay=False,
        resolve_path=True,
    ),
]
Release = Annotated[
    str, typer.Option(help="Judge this release of QEMU, a suite of Debian, instead of the reference.", metavar="NAME")
]
Hosts = Annotated[
    Path | None,
    typer.Option(
        help="Let the pair's hosts be the real machines that this file names (docs/hosts.md).",
        metavar="FILE",
        dir_okay=False,
        resolve_path=True,
    ),
]
Qemu = Annotated[Path | None, typer.Option(help="Judge this QEMU executable instead of the reference release.")]
