"""A private apt: verified packages of any Debian suite, without touching the machine's own apt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colo_harness.errors import NO_SPACE, CacheError, MachineError
from colo_harness.machine.process import run

ARCHITECTURE = "amd64"
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
"""Where the package debian-archive-keyring keeps the keys of all suites (bookworm; trixie and later)."""
OS_RELEASE = Path("/etc/os-release")
UPDATE_TIMEOUT = 300.0
DOWNLOAD_TIMEOUT = 1200.0
UNREACHABLE = "check that `apt-get update` works here and that the mirror carries these suites, then retry"
TARGET = "$(RELEASE)|$(REPO_URI)|$(SIGNED_BY)"
"""Fields of `apt-get indextargets` (apt-get(8)); a field without a value is printed as its own name."""
FILTERS = ("Created-By: Packages", "Component: main")


@dataclass(frozen=True)
class Mirror:
    """A Debian archive, as the machine's own apt knows it."""

    uri: str
    keyring: Path
    """Verifies the suites' Release files."""

    def source(self, suite: str, kind: str = "deb") -> str:
        """One line of sources.list(5); `kind` is deb, or deb-src for source packages."""
        return f"{kind} [arch={ARCHITECTURE} signed-by={self.keyring}] {self.uri} {suite} main\n"


def own_mirror() -> Mirror:
    """Return the archive that this machine's distribution comes from.

    Raises MachineError where that is no Debian, or its apt names no archive.
    """
    release = _os_release(OS_RELEASE.read_text())
    if release.get("ID") != "debian":
        raise MachineError(
            f"QEMU is fetched through Debian's apt, but this is {release.get('PRETTY_NAME', 'no Debian')}",
            "run on Debian 12 or later",
        )
    targets = run(
        ["apt-get", "indextargets", "--no-release-info", "--format", TARGET, *FILTERS],
        timeout=60,
    )
    return parse_targets(targets, release.get("VERSION_CODENAME", "stable"))


def parse_targets(targets: str, codename: str) -> Mirror:
    """Pick from lines of the form TARGET the archive of the distribution itself, not of its updates.

    Raises MachineError when none is of `codename` (or of `stable`, `oldstable`, … which may mean it).
    """
    rows = [line.split("|", 2) for line in targets.splitlines() if line.count("|") >= 2]  # noqa: PLR2004 - TARGET
    fetchable = [row for row in rows if not row[1].startswith("cdrom:")]
    for wanted in (codename, "stable", "oldstable", "oldoldstable", "testing", "unstable", "sid"):
        for release, uri, signed_by in fetchable:
            if release == wanted:
                return Mirror(_copied(uri), _keyring(signed_by))
    raise MachineError(
        f"this machine's apt names no archive for Debian {codename}",
        f"add `deb URI-of-your-mirror {codename} main` to /etc/apt/sources.list",
    )


def _copied(uri: str) -> str:
    """Make apt copy packages of an archive on this machine's disk into its cache, as it does all others."""
    return uri.replace("file:", "copy:", 1) if uri.startswith("file:") else uri


def _os_release(text: str) -> dict[str, str]:
    """Parse os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _keyring(signed_by: str) -> Path:
    """Prefer the keyring of all suites; what verifies the machine's own suite is the second choice."""
    for path in (*KEYRINGS, Path(signed_by)):
        if path.is_absolute() and path.is_file():
            return path
    raise MachineError(
        "no keyring to verify Debian packages with", "run as root: apt-get install debian-archive-keyring"
    )


class PrivateApt:
    """An apt with its own sources, lists and cache in `folder`, for which no package is installed.

    What else /etc/apt says (proxies, credentials, certificates) stays in force. `folder` is made,
    and is the caller's to remove.
    """

    def __init__(self, folder: Path, suites: Sequence[str], mirror: Mirror, *, sources: bool = False) -> None:
        self._suites = suites
        self._config = folder / "apt.conf"
        self._archives = folder / "archives"
        for path in (folder / "lists" / "partial", self._archives / "partial", folder / "preferences"):
            path.mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        kinds = ("deb", "deb-src") if sources else ("deb",)
        (folder / "sources.list").write_text("".join(mirror.source(suite, kind) for kind in kinds for suite in suites))
        self._config.write_text(_config(folder))

    def update(self) -> None:
        """Fetch and verify the suites' lists. Raises CacheError when one is out of reach or not signed."""
        self._apt("get", ["update", "--error-on=any"], timeout=UPDATE_TIMEOUT)

    def download(self, packages: Iterable[str], suite: str) -> list[Path]:
        """Download `packages`, preferred from `suite`, and all that they depend on; return the .deb files.

        Raises CacheError.
        """
        options = ["--download-only", "--no-install-recommends", "--yes", f"--target-release={suite}"]
        self._apt("get", ["install", *options, *packages], timeout=DOWNLOAD_TIMEOUT)
        return self._fetched()

    def download_only(self, package: str) -> list[Path]:
        """Download `package` without what it depends on; return all .deb files so far. Raises CacheError."""
        self._apt("get", ["download", package], timeout=DOWNLOAD_TIMEOUT)
        return self._fetched()

    def source(self, package: str) -> Path:
        """Download the source package and return the archive of what its authors released. Raises CacheError."""
        self._apt("get", ["source", "--download-only", package], timeout=DOWNLOAD_TIMEOUT)
        found = sorted(self._archives.glob(f"{package}_*.orig.tar.*[!c]"))
        if not found:
            raise CacheError(f"the source package {package} has no .orig.tar", UNREACHABLE)
        return found[-1]

    def dependencies(self, package: str) -> list[str]:
        """Return the packages that `package` itself depends on, alternatives left out. Raises CacheError."""
        options = ["--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces"]
        shown = self._apt("cache", ["depends", *options, package], timeout=60)
        rows = [line.partition(":") for line in shown.splitlines()]
        return [name.strip() for kind, _, name in rows if kind.strip() in {"Depends", "PreDepends"}]

    def _fetched(self) -> list[Path]:
        return sorted(self._archives.glob("*.deb"))

    def _apt(self, tool: str, arguments: list[str], *, timeout: float) -> str:
        argv = ["env", f"--chdir={self._archives}", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"]
        argv += [f"apt-{tool}", "--quiet=2", f"--config-file={self._config}", *arguments]
        try:
            return run(argv, timeout=timeout)
        except MachineError as error:
            complaints = [line for line in error.problem.splitlines() if line.startswith("E: ")]
            what = " ".join(complaints) or error.problem
            remedy = error.remedy if NO_SPACE in what else UNREACHABLE
            raise CacheError(f"apt on {', '.join(self._suites)}: {what}", remedy) from error


def _config(folder: Path) -> str:
    """Return an apt.conf(5) that is read after the machine's own."""
    return f"""\
#clear APT::Update;
#clear APT::Architectures;
#clear APT::Default-Release;
APT::Architecture "{ARCHITECTURE}";
APT::Architectures {{ "{ARCHITECTURE}"; }};
APT::Sandbox::User "root"; // the cache may be below a home that apt's own user cannot enter
APT::Get::Assume-Yes "true";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "{folder}/preferences";
Dir::State::Lists "{folder}/lists";
Dir::State::Status "{folder}/status";
Dir::State::extended_states "{folder}/extended_states";
Dir::Cache "{folder}";
Dir::Cache::Archives "{folder}/archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
"""
