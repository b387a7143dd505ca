"""What the documents say of the code is so."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from colo_harness.blocks.sabotage import SABOTAGES as DISK_SABOTAGES
from colo_harness.cli import app
from colo_harness.colo.sabotage import SABOTAGES
from colo_harness.doctor import PROBES
from colo_harness.judge.claims import load_claims
from colo_harness.proxy.sabotage import SABOTAGES as BENCH_SABOTAGES
from fixtures.markers import AREAS
from suites.harness import workflow
from suites.harness.markdown import Page, first_words, words

ROOT = Path(__file__).parents[2]
PATHS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("reports/README.md")]
PAGES = {str(path.relative_to(ROOT)): Page(path.read_text(encoding="utf-8")) for path in PATHS}
README, RUNNING, WRITING, PAIR, EXPLAIN = (
    PAGES[name] for name in ("README.md", "docs/running.md", "docs/writing-tests.md", "docs/pair.md", "docs/explain.md")
)
COMMANDS = {name: page.commands for name, page in PAGES.items()}
TYPED = sorted({*workflow.ours(), *(one for commands in COMMANDS.values() for one in commands)})

MARKERS = (
    *(
        "answers",
        "claim",
        "compare",
        "control",
        "disks",
        "generated",
        "matrix",
        "needs",
        "regression",
        "replicating",
        "slow",
        "smoke",
        "tapped",
        "tcp",
    ),
    "topology",
)
"""Ours besides the areas'."""


@pytest.fixture(scope="module")
def colo() -> dict[str, set[str]]:
    """The options of each command of `colo`, those of `colo pair` and `colo bench` among them."""
    group: Any = typer.main.get_command(app)
    commands = dict(group.commands)
    for whole in ("pair", "bench"):
        commands |= {f"{whole} {name}": command for name, command in commands[whole].commands.items()}
    del commands["pair"]
    return {
        name: {option for one in command.params for option in one.opts if option.startswith("--")}
        for name, command in commands.items()
    }


@pytest.fixture
def pytests(pytestconfig: pytest.Config) -> set[str]:
    """The long options of pytest."""
    return {f"--{name.replace('_', '-')}" for name in vars(pytestconfig.option)}


def test_the_readme_has_the_claims() -> None:
    """In the order of claims.toml, word for word, each below its area."""
    claims = load_claims(ROOT / "suites/claims.toml").values()
    part = README.section("What is claimed")
    told = [(area, *row) for area in dict.fromkeys(claim.area for claim in claims) for row in part.section(area).rows]
    assert told == [(claim.area, claim.id, claim.text) for claim in claims]


def test_every_sabotage_is_described() -> None:
    """By its name, in its own words: those of pairs, and those of benches."""
    for heading, known in (("A sabotage", SABOTAGES), ("A bench", BENCH_SABOTAGES), ("A disk bench", DISK_SABOTAGES)):
        told = {name.strip("`"): text for name, text in WRITING.section(heading).rows}
        assert told == {name: sabotage.breaks for name, sabotage in known.items()}


def test_the_markers_are_described() -> None:
    """Each of ours, and no other."""
    told = first_words(row[0] for row in RUNNING.section("Markers").rows)
    assert sorted(told) == sorted([*AREAS, *MARKERS])


@pytest.mark.parametrize("page", PAGES)
def test_markers_exist(page: str, pytestconfig: pytest.Config) -> None:
    """Whatever marker a page uses, pytest knows; and so it does ours."""
    known = {re.split(r"[:(]", line)[0] for line in pytestconfig.getini("markers")}
    selections = re.findall(r' -m (?:"(.+?)"|(\w+))', "\n".join(COMMANDS[page]))
    selected = {word for selection in selections for word in "".join(selection).split()}
    used = selected | set(re.findall(r"pytest\.mark\.(\w+)", PAGES[page].text))
    assert used - {"and", "or", "not"} | set(MARKERS) <= known


def test_needs_are_described() -> None:
    """Each probe that a test may ask for, and no other."""
    assert sorted(first_words(row[0] for row in RUNNING.section("Needs").rows)) == sorted(PROBES)


def test_commands_and_options_of_colo_are_described(colo: dict[str, set[str]]) -> None:
    """Each option of each command, and no other."""
    parts = (RUNNING.section("`colo`"), PAIR.section("The commands"), EXPLAIN.section("The workload"))
    pages = (*parts, PAGES["docs/many-runners.md"])
    rows = [row for page in pages for row in page.rows]
    table = [row for row in rows if len(row) == 3]
    told = {(command, option) for name, of, _ in table for command in words(of) for option in first_words([name])}
    assert told == {(command, option) for command, options in colo.items() for option in options}
    assert {f"colo {name}" for name in colo} <= {
        re.split(r" [A-Z[]", word)[0] for row in rows for word in words(row[0])
    }


def test_options_of_pytest_exist(pytests: set[str]) -> None:
    """What the table lists."""
    told = first_words(row[0] for row in RUNNING.section("As pytest").rows if row[0].startswith("`--"))
    assert told
    assert set(told) <= pytests


@pytest.mark.parametrize("command", TYPED)
def test_a_printed_command_can_be_typed(command: str, colo: dict[str, set[str]], pytests: set[str]) -> None:
    """Its program, target, options and tests exist."""
    typed = command.removeprefix("unshare --net ").replace('"', "").split()
    program, arguments = Path(typed[0]).name, typed[1:]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    name = next((" ".join(arguments[:words]) for words in (2, 1) if " ".join(arguments[:words]) in colo), arguments[0])
    known = {"make": set(), "colo": colo.get(name, set()), "pytest": pytests}[program]
    assert program != "make" or name in targets
    assert program != "colo" or name in colo
    assert _options(own) <= known
    assert _options(arguments[len(own) + 1 :]) <= pytests
    assert [word for word in arguments if word.startswith("suites/") and not (ROOT / word).exists()] == []


def _options(arguments: Iterable[str]) -> set[str]:
    return {word.partition("=")[0] for word in arguments if word.startswith("--")}


def test_the_map_is_of_this_house() -> None:
    """Each folder of the map exists, and none of the house is left out."""
    told = {row[0].strip("`/") for row in README.section("The map").rows}
    assert [folder for folder in told if not (ROOT / folder).is_dir()] == []
    tops = {
        path.name for path in ROOT.iterdir() if path.is_dir() and not re.match(r"[._]|build$|.*\.egg-info$", path.name)
    }
    rooms = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "colo_harness").glob("*/__init__.py")}
    assert tops | rooms <= told


@pytest.mark.parametrize(("path", "code"), sorted({one for page in PAGES.values() for one in page.quotations}))
def test_quoted_code_is_in_the_tree(path: str, code: str) -> None:
    """Word for word."""
    assert code in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each names a file of the tree, and a heading of it where it says so."""
    for path, anchor in PAGES[page].links:
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        assert not anchor or anchor in Page(target.read_text(encoding="utf-8")).anchors, anchor


@pytest.mark.parametrize("page", PAGES)
def test_files_exist(page: str) -> None:
    """A source or document that a page names is there."""
    named = [word for word in words(PAGES[page].text) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.(py|toml|md|json)", word)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_finding_is_listed() -> None:
    """Table and folder have the same findings, each of claims that exist."""
    rows = PAGES["docs/findings/README.md"].rows
    pages = {path.name for path in (ROOT / "docs/findings").glob("[0-9]*.md")}
    assert {path for row in rows for path, _ in Page(row[0]).links} == pages
    assert {claim for row in rows for claim in row[1].split(", ")} <= set(load_claims(ROOT / "suites/claims.toml"))


def test_expected_failures_name_a_finding() -> None:
    """A page that exists."""
    suites = [
        path.read_text(encoding="utf-8") for path in ROOT.glob("suites/*/test_*.py") if path.parts[-2] != "harness"
    ]
    named = [name for suite in suites for name in re.findall(r'"finding: (\S+?)"', suite)]
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_merge_is_left_open(page: str) -> None:
    """Git's marks of a conflict are not text."""
    assert not re.search(r"^(?:<{7}|>{7}) ", PAGES[page].text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_about_one_machine(page: str) -> None:
    """No home folder; links to other sites are to what people read, not to what machines fetch from."""
    sites = set(re.findall(r"https?://([\w.-]+)", PAGES[page].text))
    assert not re.search(r"/(?:root|home|work)/", PAGES[page].text)
    assert sites <= {"keepachangelog.com", "docs.pytest.org", "allurereport.org"}
