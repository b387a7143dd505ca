"""The private apt finds the machine's mirror, resolves closures, and takes nothing unsigned."""

from pathlib import Path

import pytest

from colo_harness.errors import CacheError, MachineError
from colo_harness.machine.apt import KEYRINGS, Mirror, PrivateApt, own_mirror, parse_targets
from suites.harness.debian import flip, make_archive
from suites.harness.signed import make_signed

UNSET = "$(SIGNED_BY)"
FRESH_DEBIAN_12 = f"""\
bookworm|http://mirror.invalid/debian/|{UNSET}
bookworm|http://mirror.invalid/debian/|{UNSET}
bookworm-updates|http://mirror.invalid/debian/|{UNSET}
bookworm-security|http://mirror.invalid/debian-security/|{UNSET}
"""


class TrustedMirror(Mirror):
    """An archive whose packages are taken unsigned, which a `Mirror`'s never are."""

    def source(self, suite: str, kind: str = "deb") -> str:
        """Mark the archive as trusted."""
        return f"{kind} [arch=amd64 trusted=yes] {self.uri} {suite} main\n"


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """The URI of an unsigned archive with the suite `stage`: `play` needs `actor`, which needs `costume`.

    There is a source package `score`, too.
    """
    return f"copy:{make_archive(tmp_path / 'archive')}"


@pytest.fixture
def apt(tmp_path: Path, archive: str) -> PrivateApt:
    """A private apt that has read the archive's list."""
    private = PrivateApt(tmp_path / "apt", ["stage"], TrustedMirror(archive, KEYRINGS[0]), sources=True)
    private.update()
    return private


def names(debs: list[Path]) -> list[str]:
    """Return the package names of .deb files."""
    return [deb.name.partition("_")[0] for deb in debs]


def test_this_machines_own_mirror_is_found() -> None:
    """What apt on this machine says about itself can be read."""
    mirror = own_mirror()
    assert ":" in mirror.uri
    assert "security" not in mirror.uri
    assert mirror.keyring.is_file()


def test_the_distributions_own_suite_is_taken() -> None:
    """Not its updates, nor its security archive, wherever they stand."""
    backwards = "\n".join(reversed(FRESH_DEBIAN_12.splitlines()))
    assert parse_targets(backwards, "bookworm").uri == "http://mirror.invalid/debian/"


def test_a_machine_that_follows_stable_is_understood() -> None:
    """Sources may name a suite, not a codename."""
    assert parse_targets(FRESH_DEBIAN_12.replace("bookworm", "stable"), "bookworm").uri.endswith("/debian/")


def test_an_archive_on_disk_is_copied_from() -> None:
    """Apt leaves packages of `file:` archives where they are; the cache wants its own."""
    assert parse_targets(f"bookworm|file:/srv/debian/|{UNSET}\n", "bookworm").uri == "copy:/srv/debian/"


def test_a_cdrom_is_no_mirror() -> None:
    """An installation medium has one suite only."""
    with pytest.raises(MachineError, match="names no archive for Debian bookworm"):
        parse_targets(f"bookworm|cdrom:[Debian 12]/|{UNSET}\n", "bookworm")


def test_a_package_comes_with_all_that_it_needs(apt: PrivateApt) -> None:
    """The closure is resolved as if nothing were installed."""
    assert names(apt.download(["play"], "stage")) == ["actor", "costume", "play"]


def test_one_package_can_come_alone(apt: PrivateApt) -> None:
    """A kernel image needs no initramfs tools here."""
    assert names(apt.download_only("play")) == ["play"]


def test_direct_dependencies_are_listed(apt: PrivateApt) -> None:
    """They say which kernel a metapackage means today."""
    assert apt.dependencies("play") == ["actor"]


def test_a_source_is_what_its_authors_released(apt: PrivateApt) -> None:
    """Neither its description nor what Debian has changed."""
    assert apt.source("score").name == "score_2.1.orig.tar.xz"


def test_an_unknown_package_is_an_error_of_the_cache(apt: PrivateApt) -> None:
    """Apt's own words are told."""
    with pytest.raises(CacheError, match="Unable to locate package opera"):
        apt.download(["opera"], "stage")


def test_an_unsigned_archive_is_refused(tmp_path: Path, archive: str) -> None:
    """Whoever answers in the mirror's place cannot slip packages in."""
    with pytest.raises(CacheError, match="not signed"):
        PrivateApt(tmp_path / "apt", ["stage"], Mirror(archive, KEYRINGS[0])).update()


def test_a_mirror_out_of_reach_has_a_remedy(tmp_path: Path) -> None:
    """A mirror that is not there is told at once, with what to check."""
    mirror = Mirror(f"copy:{tmp_path}/nowhere", KEYRINGS[0])
    with pytest.raises(CacheError, match=r"(?s)nowhere.*check that `apt-get update` works"):
        PrivateApt(tmp_path / "apt", ["stage"], mirror).update()


def test_a_changed_package_is_refused(apt: PrivateApt, tmp_path: Path) -> None:
    """What does not have the digest of the archive's list is not unpacked."""
    deb = tmp_path / "archive/costume_1.0-1_amd64.deb"
    deb.write_bytes(deb.read_bytes().replace(b"red", b"ded"))
    with pytest.raises(CacheError, match="Hash Sum mismatch"):
        apt.download(["play"], "stage")


def test_a_changed_source_is_refused(apt: PrivateApt, tmp_path: Path) -> None:
    """What does not have the digest of the archive's list is not compiled."""
    flip(tmp_path / "archive/score_2.1.orig.tar.xz")
    with pytest.raises(CacheError, match="Hash Sum mismatch"):
        apt.source("score")


def test_a_changed_list_is_refused(tmp_path: Path, archive: str) -> None:
    """Whoever changes a package cannot change its digest along."""
    flip(tmp_path / "archive/dists/stage/main/binary-amd64/Packages")
    with pytest.raises(CacheError, match="Hash Sum mismatch"):
        PrivateApt(tmp_path / "apt", ["stage"], TrustedMirror(archive, KEYRINGS[0])).update()


def test_a_signed_archive_is_taken(tmp_path: Path) -> None:
    """Where the keyring has its key."""
    keyring = make_signed(tmp_path / "archive")
    PrivateApt(tmp_path / "apt", ["stage"], Mirror(f"copy:{tmp_path}/archive", keyring)).update()


@pytest.mark.parametrize("keyring", ["its own", "Debian's"])
def test_a_changed_signature_is_refused(tmp_path: Path, keyring: str) -> None:
    """One byte of what is signed will do, or a key that is not known."""
    own = make_signed(tmp_path / "archive")
    signed = tmp_path / "archive/dists/stage/InRelease"
    changes = {"its own": ("Components: main", "Components: maim"), "Debian's": ("", "")}
    signed.write_text(signed.read_text().replace(*changes[keyring]))
    mirror = Mirror(f"copy:{tmp_path}/archive", {"its own": own, "Debian's": KEYRINGS[0]}[keyring])
    with pytest.raises(CacheError, match=r"not signed|invalid signature"):
        PrivateApt(tmp_path / "apt", ["stage"], mirror).update()
