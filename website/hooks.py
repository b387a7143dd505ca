"""What MkDocs calls while it builds the site: pages that are made, pages from elsewhere, links between them."""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from website import census, links, reference
from website.catalogue import Catalogue

ROOT = Path(__file__).parents[1]
_WHERE: dict[str, str] = {}
"""Where each claim is described; known once the pages are made."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put what is made into the navigation, which mkdocs.yml leaves empty in these places."""
    findings = [{_title(path): f"findings/{path.name}"} for path in _findings()]
    _fill(config.nav, "Findings", findings)
    _fill(config.nav, "Reference", [{Path(name).stem: name} for name in _rooms()])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in `docs`."""
    catalogue = Catalogue.of(ROOT, census.take(ROOT))
    _WHERE.update({claim: catalogue.where(claim) for claim in catalogue.claims})
    for name, text in {**catalogue.pages, **reference.pages(ROOT)}.items():
        files.append(File.generated(config, name, content=text))
    for path, name in links.ELSEWHERE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(text: str, *, page: Page, **_: Any) -> str:
    """Turn links of the checkout into links of the site."""
    here = page.file.src_uri
    made = here.startswith((f"{reference.FOLDER}/", "claims/"))
    return text if made else links.for_site(text, here, _WHERE)


def _findings() -> list[Path]:
    return sorted((ROOT / "docs/findings").glob("[0-9]*.md"))


def _title(finding: Path) -> str:
    """Return number and name: the sentence that heads a finding is too long for a list."""
    number, _, name = finding.stem.partition("-")
    return f"{int(number)} {name.replace('-', ' ')}"


def _rooms() -> list[str]:
    return [name for name in reference.pages(ROOT) if not name.endswith("index.md")]


def _fill(nav: Any, section: str, entries: list[dict[str, str]]) -> None:
    """Add entries to a section of the navigation, where there is such a one."""
    for place in nav or []:
        if isinstance(place, dict) and section in place:
            place[section].extend(entries)
