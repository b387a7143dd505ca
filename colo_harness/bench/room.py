"""Where QEMUs are timed: a lab for each, in a folder that goes with the guardian."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from colo_harness.colo.lab import Lab, open_lab
from colo_harness.errors import MachineError, ProductFailure, Undecided
from colo_harness.machine.guardian import Guardian
from colo_harness.settings import Settings


@contextmanager
def timing(*asked: Settings) -> Iterator[list[Lab]]:
    """Yield a lab for each of these settings, whose run_dir is a folder of its own. Raises MachineError, as `open_lab`.

    A QEMU that does not do what is timed is told as a MachineError.
    """
    try:
        with ExitStack() as stack:
            guardian = stack.enter_context(Guardian())
            room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="colo-")))
            guardian.add_folder(room)
            labs = []
            for number, settings in enumerate(asked):
                (folder := room / str(number)).mkdir()
                labs.append(stack.enter_context(open_lab(replace(settings, run_dir=folder), guardian)))
            yield labs
    except (ProductFailure, Undecided) as failure:
        raise MachineError(f"nothing to time: {failure}", "`colo run` says what this QEMU does not do") from failure
