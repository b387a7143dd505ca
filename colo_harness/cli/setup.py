"""`colo setup`: make a fresh machine ready, once; afterwards no network is needed."""

from typing import Annotated

import typer
from rich.console import Console

from colo_harness.cli.options import CacheDir
from colo_harness.cli.steps import steps
from colo_harness.doctor import Doctor
from colo_harness.machine.progress import Progress
from colo_harness.machine.tool import BROWSER, SSH, ensure
from colo_harness.qemu import guest
from colo_harness.qemu.applications import applications
from colo_harness.qemu.kernel import fetch_kernel
from colo_harness.qemu.lwip import fetch_lwip
from colo_harness.qemu.release import RECIPES, REFERENCE, fetch, recipe
from colo_harness.qemu.software import fetch_software
from colo_harness.report import generator
from colo_harness.settings import Settings

Releases = Annotated[
    list[str] | None,
    typer.Option("--release", metavar="NAME", help=f"Fetch this QEMU too, repeatable: {', '.join(RECIPES)}."),
]

Browser = Annotated[bool, typer.Option("--browser", help="Install what our own tests want, a browser and sshd.")]


def setup(release: Releases = None, *, browser: Browser = False, cache_dir: CacheDir = None) -> None:
    """Install missing host tools, fetch the reference QEMU and the guests' parts, build the guests."""
    settings = Settings(cache_dir=cache_dir) if cache_dir else Settings()
    for name in (others := release or []):
        recipe(name)
    with steps(Console()) as progress:
        prepare(settings, progress, *others)
        if browser:
            ensure([*SSH, *BROWSER], progress)
        progress(f"ready; the cache is {settings.cache_dir}")


def prepare(settings: Settings, progress: Progress, *releases: str) -> None:
    """Do what `colo setup` does, with other releases beside those of a run; quick when it was done before.

    Raises CacheError, MachineError.
    """
    Doctor(settings, effort="none").demand("disk")
    ensure(progress=progress)
    for name in {recipe(name): name for name in (REFERENCE, settings.release, *releases)}.values():
        release = fetch(settings, progress, name=name, thorough=True)
        progress(f"QEMU {release.version} is whole")
    kernel = fetch_kernel(settings, progress, thorough=True)
    progress(f"Linux {kernel.version} is whole")
    lwip = fetch_lwip(settings, progress, thorough=True)
    progress(f"lwIP {lwip.version} is whole")
    software = fetch_software(settings, progress, thorough=True)
    progress(f"redis {software.versions['redis-server']} and the other applications are whole")
    guest.tick(settings, thorough=True)
    guest.micro(settings, thorough=True)
    guest.linux(settings, thorough=True)
    applications(settings, thorough=True)
    progress("the guests' images are built")
    generator.ensure(settings, progress)
    progress("the report's generator is installed")
