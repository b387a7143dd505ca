"""Bisection names the first bad build, whatever cannot be judged; builds come from a folder or a checkout."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from colo_harness.bisection import bisect
from colo_harness.cli import app
from colo_harness.cli import bisect as command
from colo_harness.errors import UsageError
from colo_harness.history import Valid
from colo_harness.qemu.release import RECIPES


@given(st.data())
def test_the_first_bad_build_is_among_the_suspects(data: st.DataObject) -> None:
    """It is the only suspect unless the builds right before it are unknown, and few builds are asked, each once."""
    count = data.draw(st.integers(2, 40))
    first_bad = data.draw(st.integers(1, count - 1))
    unknown = data.draw(st.sets(st.integers(1, count - 2))) if count > 2 else set()
    names, asked = [f"build-{number}" for number in range(count)], list[str]()

    def ask(name: str) -> Valid:
        asked.append(name)
        number = names.index(name)
        return "unknown" if number in unknown else "invalid" if number >= first_bad else "valid"

    found = bisect(names, ask)

    judged = [number for number in range(count) if number not in unknown]
    newest_good = max(number for number in judged if number < first_bad)
    oldest_bad = min(number for number in judged if number >= first_bad)
    assert found.good == names[newest_good]
    assert found.suspects == tuple(names[newest_good + 1 : oldest_bad + 1])
    assert len(asked) == len(set(asked)) <= 3 + count.bit_length() + len(unknown)


@pytest.mark.parametrize("verdicts", [("invalid", "invalid"), ("valid", "valid"), ("valid", "unknown"), ("valid",)])
def test_ends_that_are_not_what_they_should_be_are_refused(verdicts: tuple[Valid, ...]) -> None:
    """The good build must hold and the bad one fail: anything else would name an innocent one."""
    answers = {str(number): verdict for number, verdict in enumerate(verdicts)}
    with pytest.raises(UsageError):
        bisect(list(answers), answers.__getitem__)


def run(*arguments: str, fails_from: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Run `colo bisect` of a claim that fails on builds whose executable says `fails_from` or more."""

    def judged(qemu: str, *_: object) -> Valid:
        option, said = qemu.split("=")
        told = Path(said).read_text(encoding="ascii") if option == "--qemu" else str(list(RECIPES).index(said))
        return "invalid" if told >= fails_from else "valid"

    monkeypatch.setattr(command, "judged", judged)
    ended = CliRunner().invoke(app, ["bisect", *arguments, "--claim", "LIFE-1"])
    return ended.exit_code, ended.output


def test_builds_of_a_folder_are_in_the_order_of_their_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """9.2 is before 10.0, and a build is an executable or a folder that has one."""
    for name, said in (("qemu-9.2", "1"), ("qemu-10.0", "2"), ("qemu-10.1", "3"), ("qemu-11.1", "4")):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / command.EXECUTABLE).write_text(said, encoding="ascii")
    status, said = run(
        *("qemu-9.2", "qemu-11.1", "--builds", str(tmp_path), "--results-dir", str(tmp_path / "results")),
        fails_from="3",
        monkeypatch=monkeypatch,
    )
    assert status == 0
    assert "fails first on qemu-10.1; it holds on qemu-10.0" in said


def test_builds_may_be_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those that `--release` takes, the oldest first."""
    place = ("--releases", "--results-dir", str(tmp_path))
    status, said = run("bullseye", "trixie-backports", *place, fails_from="2", monkeypatch=monkeypatch)
    assert status == 0
    assert "fails first on bookworm-backports; it holds on bookworm" in said


def test_builds_come_from_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from two, and not from none."""
    status, _ = run("bullseye", "trixie", fails_from="2", monkeypatch=monkeypatch)
    assert status
    status, _ = run(
        "bullseye", "trixie", "--releases", "--builds", str(tmp_path), fails_from="2", monkeypatch=monkeypatch
    )
    assert status


def test_builds_of_a_checkout_are_made_of_its_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command gets a commit and prints the path of its QEMU; a commit that cannot be built is unknown."""
    source, made = tmp_path / "source", tmp_path / "made"
    git = ["git", "-C", str(source), "-c", "user.name=us", "-c", "user.email=us@example.org"]
    source.mkdir()
    made.mkdir()
    subprocess.run([*git, "init", "-q"], check=True)
    commits = []
    for number in range(5):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", str(number)], check=True)
        found = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        commits.append(found.stdout.strip())
        (made / commits[-1]).write_text(str(number), encoding="ascii")
    (made / commits[2]).unlink()
    maker = tmp_path / "make"
    maker.write_text(f'#!/bin/sh\necho building\necho "{made}/$1"\n', encoding="ascii")
    maker.chmod(0o755)
    status, said = run(
        *(commits[0], commits[4], "--commits", str(source), "--make", str(maker)),
        *("--results-dir", str(tmp_path / "results")),
        fails_from="3",
        monkeypatch=monkeypatch,
    )
    assert status == command.UNDECIDED
    assert f"fails first on one of {commits[2]}, {commits[3]}; it holds on {commits[1]}" in said
