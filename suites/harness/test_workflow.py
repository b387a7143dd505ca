"""The workflow and the container file fit the tree. What they run is tried in test_docs.py, as are printed commands."""

import re
from pathlib import Path

import pytest

from colo_harness.settings import Settings
from fixtures.shards import shard
from suites.harness.workflow import JOBS, PATH, ROOT, commands, ours, steps

CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")
PACKAGES = re.compile(r"--no-install-recommends (.*?)(?: \\)?$", re.MULTILINE)


def test_each_shard_is_one_that_there_is() -> None:
    """The list of them is all that says how many there are."""
    numbers = JOBS["shard"]["strategy"]["matrix"]["shard"]
    assert [shard(f"{number}/{len(numbers)}")[0] for number in numbers] == list(range(1, len(numbers) + 1))
    assert any("--shard ${{ matrix.shard }}/${{ strategy.job-total }} " in step.get("run", "") for step in steps())


def test_what_is_cached_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its place by default, under a key of files that exist."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    cached = [step["with"] for step in steps() if step.get("uses", "").startswith("actions/cache@")]
    assert {Path(one["path"]).expanduser() for one in cached} == {Settings().cache_dir}
    patterns = {pattern for one in cached for pattern in re.findall(r"'(.+?)'", one["key"])}
    assert [pattern for pattern in patterns if not any(ROOT.glob(pattern))] == []


def test_jobs_wait_for_jobs_that_exist() -> None:
    """And artifacts that are fetched are those that are left."""
    assert {job["needs"] for job in JOBS.values() if "needs" in job} <= set(JOBS)
    left = {step["with"]["name"] for step in steps() if step.get("uses", "").startswith("actions/upload-artifact@")}
    assert left == {"shard-${{ matrix.shard }}", "report", "wheel"}


def test_nothing_is_run_but_apt_make_and_colo() -> None:
    """By lines without anything that a shell would make something of."""
    assert {command.split()[0] for command in ours()} == {"make", ".venv/bin/colo"}
    assert [command for command in commands() if re.search(r"[;&|<>`$\\]", command)] == []


def test_what_is_published_can_be_read() -> None:
    """A report is its user's alone until it is made a page (actions/upload-pages-artifact, "File permissions")."""
    told = [step.get("run") or step["uses"].partition("@")[0] for step in JOBS["report"]["steps"]]
    published = JOBS["report"]["steps"][told.index("actions/upload-pages-artifact")]["with"]["path"]
    assert told.index(f"chmod --recursive go+rX {published}") < told.index("actions/upload-pages-artifact")


def test_the_container_has_what_the_runners_have() -> None:
    """The same packages on the same Debian, and a command that `make setup` makes."""
    (packages,) = set(PACKAGES.findall(PATH.read_text(encoding="utf-8")))
    assert PACKAGES.findall(CONTAINER) == [packages]
    assert re.findall(r"^FROM (.*)$", CONTAINER, re.MULTILINE) == [JOBS["shard"]["container"]["image"]]
    assert re.findall(r"RUN make (\w+)", CONTAINER) == ["setup"]
    assert 'ENTRYPOINT [".venv/bin/colo"]' in CONTAINER
