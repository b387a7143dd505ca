"""A bundle is built once, noticed when damaged, mended, and used without a network."""

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from colo_harness.errors import CacheError
from colo_harness.machine.bundle import Recipe, bundle
from suites.harness.debian import make_deb, make_source

RECIPE = Recipe("things/tool", ("stage",), ("tool", "library"), essential=("usr/bin/tool",))


class Kitchen:
    """Builds RECIPE from packages made here, and remembers what it was asked for and said."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.folder = self.cache / RECIPE.folder
        self.said: list[str] = []
        self.fetched = 0
        self._debs = [
            make_deb(folder, "tool", {"usr/bin/tool": "a tool", "usr/lib/part": "one part"}, version="2.1-3"),
            make_deb(folder, "library", {"usr/lib/library": "a library"}),
        ]

    def obtain(self, _recipe: Recipe, _folder: Path) -> list[Path]:
        """Stand in for apt."""
        self.fetched += 1
        return self._debs

    def serve(self, recipe: Recipe = RECIPE, *, thorough: bool = False) -> Path:
        """Return the bundle's root."""
        made = bundle(self.cache, recipe, self.said.append, thorough=thorough, obtain=self.obtain)
        assert made.versions == {"tool": "2.1-3", "library": "1.0-1"}
        return made.root


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    """A kitchen with an empty cache."""
    return Kitchen(tmp_path)


def offline(_recipe: Recipe, _folder: Path) -> list[Path]:
    """Stand in for apt without a network."""
    raise CacheError("no network", "")


def overwrite(text: str) -> Callable[[Path], object]:
    """Return what writes `text` and keeps the file's time."""

    def damage(file: Path) -> None:
        times = file.stat()
        file.write_text(text)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    return damage


def test_a_bundle_is_fetched_once(kitchen: Kitchen) -> None:
    """The second use finds the first one's files."""
    assert kitchen.serve() == kitchen.serve()
    assert kitchen.fetched == 1
    assert (kitchen.serve() / "usr/lib/library").read_text() == "a library"


def test_a_filled_cache_needs_no_network(kitchen: Kitchen) -> None:
    """Neither a quick nor a thorough use asks apt for anything."""
    kitchen.serve()
    for thorough in (False, True):
        bundle(kitchen.cache, RECIPE, thorough=thorough, obtain=offline)


def test_a_failed_fetch_leaves_nothing_behind(kitchen: Kitchen) -> None:
    """The next attempt starts clean, and none takes half a bundle for a whole one."""
    with pytest.raises(CacheError, match="no network"):
        bundle(kitchen.cache, RECIPE, obtain=offline)
    assert [path.name for path in kitchen.folder.parent.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("victim", "damage"),
    [
        ("root/usr/lib/part", Path.unlink),
        ("root/usr/lib/part", overwrite("longer than it was")),
        ("root/usr/bin/tool", overwrite("A TOOL")),
        ("root/usr/bin/tool", Path.unlink),
        ("root/usr/lib/part", lambda file: file.write_text("no  part")),
        ("root", shutil.rmtree),
        ("manifest.json", Path.unlink),
        ("manifest.json", overwrite("{")),
        ("manifest.json", overwrite("[]")),
        ("manifest.json", overwrite('{"format": 1}')),
    ],
    ids=[
        "file-gone",
        "size-changed",
        "essential-content-changed",
        "essential-gone",
        "content-and-time-changed",
        "tree-gone",
        "manifest-gone",
        "manifest-cut",
        "manifest-of-another-shape",
        "manifest-incomplete",
    ],
)
def test_damage_is_noticed_and_mended(kitchen: Kitchen, victim: str, damage: Callable[[Path], object]) -> None:
    """A quick use suffices; the user is told why it is fetched again."""
    kitchen.serve()
    damage(kitchen.folder / victim)
    root = kitchen.serve()
    assert kitchen.fetched == 2
    assert any("fetching it" in line for line in kitchen.said[1:])
    assert (root / "usr/lib/part").read_text() == "one part"
    assert (root / "usr/bin/tool").read_text() == "a tool"


def test_only_a_thorough_use_sees_content_changed_in_place(kitchen: Kitchen) -> None:
    """Same size, same time: `colo setup` hashes everything."""
    root = kitchen.serve()
    overwrite("no  part")(root / "usr/lib/part")
    kitchen.serve()
    assert kitchen.fetched == 1
    kitchen.serve(thorough=True)
    assert kitchen.fetched == 2


def test_a_copy_of_the_cache_is_sound(kitchen: Kitchen) -> None:
    """Other times alone are no damage."""
    root = kitchen.serve()
    os.utime(root / "usr/lib/part")
    kitchen.serve()
    assert kitchen.fetched == 1


def test_another_recipe_makes_another_bundle(kitchen: Kitchen) -> None:
    """A newer harness may want other packages under the same name."""
    kitchen.serve()
    kitchen.serve(Recipe("things/tool", ("stage",), ("tool", "library")))
    assert kitchen.fetched == 2


def test_two_runs_fetch_it_once(kitchen: Kitchen) -> None:
    """The second waits for the first."""
    with ThreadPoolExecutor(2) as runs:
        roots = list(runs.map(lambda _: kitchen.serve(), range(2)))
    assert roots[0] == roots[1]
    assert kitchen.fetched == 1


def test_packages_without_what_is_essential_are_refused(kitchen: Kitchen) -> None:
    """What cannot work is not kept."""
    wanting = Recipe("things/tool", ("stage",), ("tool",), essential=("usr/bin/other",))
    with pytest.raises(CacheError, match="usr/bin/other is missing"):
        bundle(kitchen.cache, wanting, obtain=kitchen.obtain)


def test_the_manifest_records_what_was_fetched(kitchen: Kitchen) -> None:
    """Versions and digests of packages and files, for whoever asks later what ran."""
    kitchen.serve()
    manifest = json.loads((kitchen.folder / "manifest.json").read_text())
    assert manifest["packages"]["tool"]["version"] == "2.1-3"
    assert len(manifest["packages"]["tool"]["sha256"]) == 64
    assert len(manifest["files"]["usr/bin/tool"]["sha256"]) == 64


def test_a_source_lies_where_debian_puts_sources(tmp_path: Path) -> None:
    """Without the folder that its authors packed it in; other bundles' manifests are as before there were sources."""
    recipe = Recipe("things/score", ("stage",), (), sources=("score",), essential=("usr/src/score/music",))
    archive, _ = make_source(tmp_path, "score", {"music": "la"})
    made = bundle(tmp_path / "cache", recipe, obtain=lambda *_: [archive])
    assert (made.root / "usr/src/score/music").read_text() == "la"
    assert made.versions == {"score": "2.1"}
    assert ("sources" in recipe.record(), "sources" in RECIPE.record()) == (True, False)


def test_a_cache_that_cannot_be_written_has_a_remedy(tmp_path: Path) -> None:
    """A file in the cache's place is as good as a full disk."""
    (tmp_path / "cache").touch()
    with pytest.raises(CacheError, match="--cache-dir"):
        bundle(tmp_path / "cache", RECIPE, obtain=offline)
