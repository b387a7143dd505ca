"""`colo doctor` in good and poor surroundings, each a real one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colo_harness.diagnosis import Answer, Diagnosis
from colo_harness.doctor import PROBES, Doctor
from colo_harness.settings import Settings, Timeouts
from suites.harness.surroundings import AS_USER, WITHOUT_KVM, WITHOUT_RIGHTS, WITHOUT_TUN

COLO = Path(sys.executable).with_name("colo")
LACKING_QEMU = """#!{python}
import json, socket, sys

ANSWERS = {{
    "query-version": {{"qemu": {{"major": 99, "minor": 1, "micro": 2}}, "package": "lacking"}},
    "qom-list-types": [{{"name": name}} for name in ("filter-mirror", "filter-redirector", "filter-rewriter")],
    "query-migrate-capabilities": [{{"capability": "xbzrle", "state": False}}],
    "query-qmp-schema": [{{"meta-type": "enum", "values": ["blkdebug", "nbd", "quorum"]}}],
}}
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[sys.argv.index("-qmp") + 1].removeprefix("unix:").partition(",")[0])
server.listen()
connection = server.accept()[0]

def say(message):
    connection.sendall(json.dumps(message).encode() + b"\\n")

say({{"QMP": {{"version": ANSWERS["query-version"], "capabilities": ["oob"]}}}})
while asked := connection.recv(65536):  # one command, whole: the next one waits for the answer
    command = json.loads(asked)
    say({{"return": ANSWERS.get(command["execute"], {{}})}} | ({{"id": command["id"]}} if "id" in command else {{}}))
"""


@dataclass(frozen=True)
class Told:
    """What `colo doctor` came to: status, lines by the name of their probe, and what it wrote."""

    code: int
    lines: Mapping[str, str]
    conclusion: str
    written: Mapping[str, Any]

    def word(self, name: str) -> str:
        """Return the state of a probe, for people."""
        return self.lines[name].split()[0]


Tell = Callable[..., Told]


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Run `colo doctor` as its own process, within other surroundings."""

    def run(*arguments: str | Path, within: tuple[str, ...] = (), path: str = os.environ["PATH"]) -> Told:
        file = tmp_path / "doctor.json"
        command = [*within, str(COLO), "doctor", "--json", str(file), *map(str, arguments)]
        ran = subprocess.run(
            command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=200, check=False
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        lines = ran.stdout.splitlines()
        named = {line.split()[1]: line for line in lines if line.split()[1] in PROBES}
        return Told(ran.returncode, named, lines[-1], json.loads(file.read_text()))

    return run


def executable(path: Path, text: str) -> Path:
    """Write a script."""
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_this_machine_is_fit(tell: Tell) -> None:
    """Set up, it has all that the suite must have; each probe has its line, in the same order in both forms."""
    told = tell("--accel", "tcg")
    assert told.code == 0
    assert [answer["name"] for answer in told.written["answers"]] == list(told.lines) == list(PROBES)
    assert told.written["fit"]
    assert told.conclusion.startswith("all that the suite must have is there")


def test_kvm_has_four_answers(tell: Tell) -> None:
    """Where one is no, so are those behind it; and what Linux guests run under follows from them."""
    told = tell()
    states = [answer["state"] for answer in told.written["answers"] if answer["name"].startswith("kvm")]
    assert states in (["ok"] * yes + ["no"] * (4 - yes) for yes in range(5))
    assert told.written["accelerators"]["linux"].startswith("tcg: ") or states == ["ok"] * 3


@pytest.mark.parametrize(
    ("within", "remedy"),
    [
        (WITHOUT_RIGHTS, "as root, sysctl user.max_user_namespaces=15000"),
        (AS_USER, "run as root or with CAP_SYS_ADMIN"),
    ],
    ids=["root-without-rights", "user"],
)
def test_without_rights_the_cause_is_told_once(tell: Tell, within: tuple[str, ...], remedy: str) -> None:
    """Namespaces; what needs one says no more than that."""
    told = tell("--accel", "tcg", within=within)
    assert told.code == 2
    assert "no right to make network namespaces" in told.lines["netns"]
    assert remedy in told.lines["netns"]
    assert [told.lines[name].split(maxsplit=2) for name in ("tap", "tcpdump", "nft")] == [
        ["missing", "tap", "for want of netns"],
        ["FAILED", "tcpdump", "for want of netns"],
        ["missing", "nft", "for want of netns"],
    ]
    assert "remedy" in told.lines["realtime"]
    assert told.conclusion.startswith("the suite cannot run here, for want of netns, network, tcpdump;")


def test_without_a_tun_device_the_remedy_is_a_module(tell: Tell) -> None:
    """Or a container's option."""
    told = tell("--accel", "tcg", within=WITHOUT_TUN)
    assert told.code == 0
    assert "/dev/net/tun: No such file or directory; remedy: load the kernel module tun" in told.lines["tap"]
    assert [told.word(name) for name in ("netns", "tap", "network", "tcpdump")] == ["ok", *["missing"] * 3]


@pytest.mark.needs("kvm")
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [((), 0, "missing"), (("--strict",), 2, "missing"), (("--accel", "kvm"), 2, "FAILED")],
    ids=["auto", "strict", "kvm"],
)
def test_kvm_is_optional_unless_asked_for(tell: Tell, arguments: tuple[str, ...], code: int, word: str) -> None:
    """A device that is none is no KVM."""
    told = tell(*arguments, within=WITHOUT_KVM)
    assert told.code == code
    assert [told.word(name) for name in ("kvm", "kvm-tick", "kvm-micro", "kvm-linux")] == [word] * 4
    assert "/dev/kvm: Inappropriate ioctl for device; remedy: " in told.lines["kvm"]
    assert told.lines["kvm-linux"].endswith("for want of kvm")


def test_what_the_user_declines_is_not_missing(tell: Tell) -> None:
    """`--accel tcg` declines KVM, and no guest is started."""
    told = tell("--accel", "tcg")
    assert [told.word(name) for name in ("kvm", "kvm-tick", "kvm-micro", "kvm-linux")] == ["declined"] * 4
    assert "kvm" not in told.conclusion


def test_tools_that_are_missing_are_named_with_their_packages(tell: Tell, tmp_path: Path) -> None:
    """The command that installs them; what they would have done fails with them."""
    told = tell("--accel", "tcg", path=str(tmp_path))
    assert told.code == 2
    assert "this machine lacks apt-get" in told.lines["tools"]
    assert "apt-get install --yes --no-install-recommends" in told.lines["tools"]
    assert "tcpdump" in told.lines["tools"].partition("remedy")[2]
    assert [told.word(name) for name in ("network", "netem", "guests", "node")] == [
        "FAILED",
        "missing",
        "FAILED",
        "FAILED",
    ]
    assert len(told.lines["network"]) < 400


def test_an_empty_cache_stays_empty(tell: Tell, tmp_path: Path) -> None:
    """The doctor fetches nothing: it names the command that does."""
    cache = tmp_path / "cache"
    told = tell("--cache-dir", cache)
    assert told.code == 2
    assert told.lines["cache"].endswith("not in the cache; remedy: `colo setup` fetches it")
    assert told.word("qemu") == told.word("guests") == "FAILED"
    assert list(cache.iterdir()) == []


def test_a_qemu_without_colo_is_told_what_it_lacks(tell: Tell, tmp_path: Path) -> None:
    """By itself, over QMP: an object, a capability and a block driver."""
    told = tell("--accel", "tcg", "--qemu", executable(tmp_path / "qemu", LACKING_QEMU.format(python=sys.executable)))
    assert told.code == 2
    assert told.lines["qemu"].endswith("99.1.2 lacking (promises of 11.0 to 12.0, the nearest: no interval names it)")
    assert "this QEMU has no colo-compare; remedy: give another" in told.lines["qemu-objects"]
    assert "this QEMU has no x-colo; remedy: give another" in told.lines["qemu-capabilities"]
    assert "this QEMU has no replication; remedy: give another" in told.lines["qemu-drivers"]


INTRODUCED = "#!/bin/sh\ncase $* in *--version*) echo 'QEMU emulator version 99'; exit;; esac\n"


@pytest.mark.parametrize(
    ("script", "said", "judged"),
    [
        (f"{INTRODUCED}exit 3\n", "QEMU died at start: exit status 3", True),
        (f"{INTRODUCED}echo 'no such machine' >&2; exit 1\n", "QEMU died at start: no such machine", True),
        (f"{INTRODUCED}exec sleep 100\n", "waited 1.5 s for QEMU's monitor probe.sock: ", True),
        ("#!/bin/sh\nexit 3\n", "is no QEMU that runs here: ", False),
        ("#!/bin/sh\necho 'libfdt.so.1: no such file' >&2; exit 127\n", "libfdt.so.1: no such file", False),
        ("#!/bin/sh\nexec sleep 100\n", "it took longer than 0.5 s", False),
        ("neither script nor program", "cannot be started: Exec format error", False),
        ("", "is no executable", False),
    ],
    ids=["dies", "complains", "hangs", "is-other", "lacks-library", "is-mute", "is-text", "is-none"],
)
def test_a_qemu_that_does_not_start_is_told_on_one_line(
    tmp_path: Path, script: str, said: str, *, judged: bool
) -> None:
    """What it said last, or where it hangs, and whether claims are to fail for it; what would be asked of it is not."""
    path = executable(tmp_path / "qemu", script) if script else tmp_path / "nothing"
    doctor = Doctor(Settings(qemu=path, timeouts=Timeouts(0.05)))
    answer = doctor.answer("qemu")
    assert answer.fatal
    assert answer.remedy
    assert answer.judged == judged
    assert said in answer.text
    assert "\n" not in answer.text
    assert "-nodefaults" not in answer.text
    assert doctor.answer("qemu-drivers").text == "for want of qemu"


def test_a_diagnosis_survives_being_written() -> None:
    """As `colo run` hands it to pytest."""
    found = Diagnosis(
        (Answer("netem", "no", "no such qdisc", "load it", must=False, seconds=0.1),), {"linux": "tcg: x"}
    )
    assert Diagnosis.of(json.loads(json.dumps(found.as_json()))) == found


def test_the_head_of_a_run_is_short_where_all_is_well() -> None:
    """What is well shares a line; the rest has one each, with the remedy."""
    well = [Answer(name, "ok", "it is there", "", must=True, seconds=0) for name in ("netns", "tap", "qemu")]
    ill = Answer("netem", "no", "no such qdisc", "load it", must=False, seconds=0)
    head = Diagnosis((*well, ill), {"linux": "tcg: it is as fast"}).head()
    assert [" ".join(str(row).split()) for row in head] == [
        "ok netns, tap",
        "ok qemu it is there",
        "missing netem no such qdisc; remedy: load it",
        "choice linux guests tcg: it is as fast",
    ]
