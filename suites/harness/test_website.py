"""The documentation as a site: what is broken in it fails its build, and what is claimed is in it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colo_harness.judge.claims import load_claims
from suites.harness.markdown import Page
from website import census, links, reference
from website.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
Build = Callable[[str], subprocess.CompletedProcess[str]]

_TINY = """\
INHERIT: {root}/mkdocs.yml
docs_dir: docs
site_dir: site
hooks: []
nav:
plugins: [search, offline]
"""


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build the site of one page, as the real one is built."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text(_TINY.format(root=ROOT), encoding="utf-8")

    def built(page: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "docs/index.md").write_text(page, encoding="utf-8")
        argv = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        return subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    return built


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """What the site says of the claims."""
    return Catalogue.of(ROOT, census.take(ROOT))


def test_a_sound_site_is_built_and_takes_nothing_from_elsewhere(build: Build, tmp_path: Path) -> None:
    """Scripts, styles, fonts and pictures are its own: it is read without a network."""
    done = build("# One\n\n[two](#two)\n\n## Two\n")
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="?(?:https?:)?//', page) == []


@pytest.mark.parametrize("link", ["there.md", "#there", "/there.html", "there.png"])
def test_a_broken_link_fails_the_build(link: str, build: Build) -> None:
    """To a page, to a heading, to a picture, or one that would work on one server alone."""
    done = build(f"# One\n\n[broken]({link})\n")
    assert done.returncode != 0
    assert "strict mode" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("here", "text", "there"),
    [
        ("index.md", "[a](docs/running.md#colo)", "[a](running.md#colo)"),
        ("running.md", "[a](../reports/README.md)", "[a](reports.md)"),
        ("findings/README.md", "[a](../../CHANGELOG.md) [b](#b)", "[a](../changelog.md) [b](#b)"),
        ("running.md", "[a](../colo_harness/wait.py)", "[a](colo_harness/wait.py)"),
        ("running.md", "`[a](docs/b.md)` [a](https://example.org/a.md)", "`[a](docs/b.md)` [a](https://example.org/a.md)"),
        ("explain.md", "| LIFE-1, X-1 | LIFE-1 it |", "| [LIFE-1](claims/lifecycle.md#life-1), X-1 | LIFE-1 it |"),
        ("running.md", r"| `a\|b` |", "| `a|b` |"),
    ],
    ids=["from the top", "to elsewhere", "down", "not on the site", "code and the world", "claims", "a bar in code"],
)  # fmt: skip
def test_links_of_the_checkout_become_links_of_the_site(here: str, text: str, there: str) -> None:
    """What is not on the site keeps a path that is not there either, so that the build misses it."""
    assert links.for_site(text, here, {"LIFE-1": "claims/lifecycle.md#life-1"}) == there


def test_every_claim_is_in_the_catalogue(catalogue: Catalogue) -> None:
    """With its sentence, its source, a test and a control."""
    claims = load_claims(ROOT / "suites/claims.toml").values()
    pages = catalogue.pages
    told = {claim.id: Page(pages[f"claims/{claim.area}.md"]).section(claim.id).text for claim in claims}
    assert [name for name, text in told.items() if "Promised in: " not in text or "\n* " not in text] == []
    assert [name for name, text in told.items() if "must say no in" not in text] == []
    assert "finding [1](../findings/0001-tcp-timestamps.md)" in told["REW-16"]


def test_the_reference_has_every_module() -> None:
    """Each that does not start with an underscore, once."""
    told = re.findall(r"^::: (\S+)$", "\n".join(reference.pages(ROOT).values()), re.MULTILINE)
    modules = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "colo_harness").rglob("[!_]*.py")]
    assert sorted(told) == sorted(".".join(module.parts) for module in modules)
