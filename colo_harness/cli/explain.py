"""`colo explain`: say why a workload's pair takes its checkpoints, and how well it suits COLO."""

import json
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from colo_harness.cli.account import document, sentences, table
from colo_harness.cli.options import Accel, Accelerator, CacheDir, Qemu, Release
from colo_harness.cli.steps import steps
from colo_harness.colo.lab import open_lab
from colo_harness.errors import MachineError, ProductFailure, UsageError
from colo_harness.judge.explanation import Explanation
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.progress import Progress
from colo_harness.machine.tool import ensure
from colo_harness.qemu import accelerator
from colo_harness.qemu.topology import Image, Topology
from colo_harness.settings import Settings
from colo_harness.workload import DRIVES, Workload

OURS = "linux"
USUAL = "echo,http,log,udp,ping"
REMEDY = "`colo run -- suites/lifecycle` says what this QEMU does not do"


def explain(
    guest: Annotated[
        str, typer.Option(metavar="linux|PATH", help="Our guest, or a disk image, or a kernel where --initrd is given.")
    ] = OURS,
    initrd: Annotated[Path | None, typer.Option(help="The kernel's initramfs.", exists=True)] = None,
    append: Annotated[str, typer.Option(help="The kernel's command line.")] = "console=ttyS0",
    memory: Annotated[int, typer.Option(min=1, help="MiB of a guest that is not ours.")] = 256,
    boot: Annotated[float, typer.Option(min=0, help="Seconds that such a guest gets to boot.")] = 30.0,
    seconds: Annotated[float, typer.Option("--for", min=1, help="How many seconds to watch the pair.")] = 20.0,
    drive: Annotated[str | None, typer.Option(help=f"What clients of our guest do: {', '.join(DRIVES)}.")] = None,
    client: Annotated[str, typer.Option(help="A command, for the client's namespace; no shell reads it.")] = "",
    delay: Annotated[int, typer.Option(min=1, help="Milliseconds between checkpoints (x-checkpoint-delay).")] = 20_000,
    timeout: Annotated[int, typer.Option(min=1, help="colo-compare's compare_timeout, in milliseconds.")] = 3000,
    scan: Annotated[int, typer.Option(min=1, help="colo-compare's expired_scan_cycle, in milliseconds.")] = 1000,
    qemu: Qemu = None,
    release: Release = Settings.release,
    accel: Accelerator = Accel.AUTO,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the explanation there too.")] = None,
    cache_dir: CacheDir = None,
) -> None:
    """Run a guest as a pair, and say of each checkpoint why it was taken; exits 2 where none could be watched."""
    if json_file:
        json_file.touch()  # before all that takes long
    image = None if guest == OURS else _image(Path(guest), initrd, append, memory, boot)
    drives = (drive or ("" if image or client else USUAL)).split(",")
    topology = Topology(
        guest="foreign" if image else "linux",
        image=image,
        checkpoint_delay_ms=delay,
        compare_timeout_ms=timeout,
        scan_cycle_ms=scan,
    )
    workload = Workload(topology, seconds, tuple(filter(None, drives)), _words(client))
    plain = Settings(cache_dir=cache_dir) if cache_dir else Settings()
    settings = replace(plain, qemu=qemu and qemu.absolute(), release=release, accel=accel.value)
    explanation = _explained(workload, settings)
    if json_file:
        json_file.write_text(json.dumps(document(explanation), indent=1) + "\n", encoding="utf-8")


def _words(client: str) -> list[str]:
    """Return a command in words, by the quotes that a shell knows."""
    try:
        return shlex.split(client)
    except ValueError as trouble:
        raise UsageError(f"--client {client!r}: {trouble}", "close the quote") from trouble


def _image(path: Path, initrd: Path | None, append: str, memory: int, boot: float) -> Image:
    if not path.is_file():
        raise UsageError(f"--guest {path} is no file", f"give a disk image, a kernel with --initrd, or `{OURS}`")
    if initrd:
        return Image(path.absolute(), initrd.absolute(), append, memory_mib=memory, boot_s=boot)
    return Image(disk=path.absolute(), memory_mib=memory, boot_s=boot)


def _explained(workload: Workload, settings: Settings) -> Explanation:
    """Run the workload and say what came of it. Raises HarnessError."""
    console = Console()
    with steps(console) as progress:
        explanation = _run(workload, settings, progress)
    console.print(table(explanation))
    for sentence in sentences(explanation):
        console.print(sentence, soft_wrap=True, highlight=False)
    return explanation


def _run(workload: Workload, settings: Settings, progress: Progress) -> Explanation:
    """Run the workload in a folder of its own. Raises HarnessError."""
    with tempfile.TemporaryDirectory(prefix="colo-") as folder, Guardian() as guardian:
        guardian.add_folder(Path(folder))
        settings = replace(settings, run_dir=Path(folder))
        ensure(progress=progress)
        fitted = replace(workload.topology, accel=accelerator.for_linux(settings))
        try:
            with open_lab(settings, guardian) as lab:
                return replace(workload, topology=fitted).explain(lab, settings.run_dir / "pair", progress)
        except ProductFailure as failure:
            raise MachineError(f"nothing to explain: {failure.brief}", failure.remedy or REMEDY) from failure
