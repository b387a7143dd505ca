"""A QEMU release is started through its own loader, with its own libraries and firmware."""

from pathlib import Path

import pytest

from colo_harness.errors import CacheError, UsageError
from colo_harness.machine.process import run
from colo_harness.qemu.release import RECIPES, REFERENCE, Release, fetch, recipe, reference, under_test
from colo_harness.settings import Settings


@pytest.fixture(params=["usr/lib", "lib"])
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Release:
    """A tree laid out as after, and before, Debian merged /usr."""
    libraries = tmp_path / request.param / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    (libraries / "ld-linux-x86-64.so.2").touch()
    (tmp_path / "usr/bin").mkdir(parents=True)
    for binary in ("qemu-system-x86_64", "qemu-img"):
        (tmp_path / "usr/bin" / binary).touch()
    return Release("made", tmp_path, "1:11.1.3+ds-1~bpo13+1")


def test_its_own_loader_starts_it(release: Release) -> None:
    """Nothing of the host's libraries is used."""
    loader, option, libraries, executable, *_ = release.argv()
    assert (Path(loader).name, option) == ("ld-linux-x86-64.so.2", "--library-path")
    assert all(Path(folder).is_relative_to(release.root) for folder in [loader, *libraries.split(":")])
    assert executable == str(release.root / "usr/bin/qemu-system-x86_64")


def test_only_emulators_are_told_where_firmware_is(release: Release) -> None:
    """Qemu-img knows no -L."""
    assert release.argv().count("-L") == 2
    assert "-L" not in release.argv("qemu-img")


def test_a_release_whose_tcg_is_a_module_is_told_where_modules_are(release: Release) -> None:
    """Else it would look beside the loader, and not start; others are told nothing."""
    modules = release.root / "usr/lib/x86_64-linux-gnu/qemu"
    modules.mkdir(parents=True)
    (modules / "accel-tcg-x86_64.so").touch()
    assert release.argv()[:2] == ["env", f"QEMU_MODULE_DIR={modules}"]
    assert release.argv("qemu-img")[0] != "env"


def test_a_binary_that_it_lacks_is_an_error_of_the_cache(release: Release) -> None:
    """A release has what its packages have."""
    with pytest.raises(CacheError, match="qemu-nbd"):
        release.argv("qemu-nbd")


def test_upstreams_version_is_read_off_the_packages(release: Release) -> None:
    """Without epoch and Debian's revision."""
    assert release.number == "11.1.3"


def test_a_release_and_an_executable_are_one_too_many(tmp_path: Path) -> None:
    """There is one QEMU under test."""
    with pytest.raises(UsageError, match="--qemu and --release"):
        under_test(Settings(qemu=tmp_path, release="trixie"))


def test_the_reference_is_another_name_of_a_suite() -> None:
    """Both are one folder of the cache."""
    assert recipe(REFERENCE) is recipe("trixie-backports")


def test_an_unknown_release_is_a_usage_error() -> None:
    """The known ones are named."""
    with pytest.raises(UsageError, match="reference, bullseye, bookworm, bookworm-backports"):
        fetch(Settings(), name="11.1")


def test_releases_do_not_share_a_folder() -> None:
    """Else each would take the other for damaged."""
    assert len({recipe.folder for recipe in RECIPES.values()}) == len(RECIPES)


def test_the_fetched_reference_runs() -> None:
    """It answers its version, and brings its own COLO document along."""
    fetched = reference(Settings())
    assert f"version {fetched.number}" in run([*fetched.argv(), "--version"], timeout=20)
    assert f"version {fetched.number}" in run([*fetched.argv("qemu-img"), "--version"], timeout=20)
    assert "x-colo-lost-heartbeat" in fetched.document.read_text()
