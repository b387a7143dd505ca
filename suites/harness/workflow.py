"""The workflow for GitHub's runners, as far as it can be looked at without them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PATH = ROOT / ".github" / "workflows" / "colo.yml"
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(PATH.read_text(encoding="utf-8"))["jobs"]


def steps() -> Iterator[dict[str, Any]]:
    """Yield the steps of all jobs."""
    for job in JOBS.values():
        yield from job["steps"]


def commands() -> list[str]:
    """Return what the steps run, with a 1 for whatever GitHub puts in."""
    return [EXPRESSION.sub("1", line) for step in steps() for line in step.get("run", "").splitlines()]


def ours() -> list[str]:
    """Return those of them that are of this house."""
    return [command for command in commands() if not command.startswith(("apt-get ", "chmod "))]
