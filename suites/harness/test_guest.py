"""The guests: what is packed for the Linux one, and what the tick guest leaves in memory."""

import lzma
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colo_harness.errors import CacheError
from colo_harness.history import Entry, History
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.process import run
from colo_harness.machine.site import Here
from colo_harness.qemu import argv, cpio, guest, modules, release, tick
from colo_harness.qemu.argv import Files, Part
from colo_harness.qemu.loop import Loop
from colo_harness.qemu.topology import Topology
from colo_harness.qemu.vm import VM, Surroundings
from colo_harness.settings import Settings

GENERATIONS = st.integers(3, 2**32 - 1)
DONE = st.integers(0, tick.PAGES)
INDEX = st.integers(0, tick.PAGES - 1)

# --- the archive ----------------------------------------------------------------------------------------------------


def test_an_archive_depends_on_its_content_only() -> None:
    """Neither on the order of naming nor on the time."""
    nodes = {"init": cpio.file(b"#!", executable=True), "bin/sh": cpio.link("busybox"), "dev": cpio.FOLDER}
    there, back = (cpio.archive(dict(items)) for items in (nodes.items(), reversed(nodes.items())))
    assert there == back
    assert cpio.archive(nodes | {"init": cpio.file(b"#?", executable=True)}) != there


def test_an_archive_is_what_linux_documents() -> None:
    """The kernel's buffer-format.rst: hexadecimal fields, names with a zero byte, all padded to 4 bytes."""
    packed = cpio.archive({"a/b": cpio.file(b"12345")})
    folder, name, trailer = packed.index(b"a\0"), packed.index(b"a/b\0"), packed.index(b"TRAILER!!!\0")
    assert folder < name < trailer
    assert len(packed) % 4 == 0
    file = packed[name - 110 : name]
    assert (file[:6], file[14:22], file[54:62], file[94:102]) == (b"070701", b"000081a4", b"00000005", b"00000004")
    assert packed[name + 6 : name + 14] == b"12345\0\0\0"


# --- modules --------------------------------------------------------------------------------------------------------

Kernel = Callable[[dict[str, str]], Path]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Make a kernel's folder of modules, each named with what it depends on, and one that is compiled in."""

    def make(needs: dict[str, str]) -> Path:
        (tmp_path / "kernel/drivers").mkdir(parents=True)
        (tmp_path / "modules.builtin").write_text("kernel/lib/inside.ko\n")
        for file, depends in needs.items():
            source = f'.section .modinfo\n.asciz "alias=pci:{file}*"\n.asciz "depends={depends}"\n'
            run(["as", "--64", "-o", tmp_path / "kernel/drivers" / file], timeout=10, input=source)
        return tmp_path

    return make


def test_modules_come_behind_what_they_need(kernel: Kernel) -> None:
    """Whatever the order in a module's own list."""
    folder = kernel({"net-top.ko": "ring,bus", "bus.ko": "ring", "ring.ko": "inside", "other.ko": ""})
    found = modules.closure(folder, ["net_top"])
    assert [module.name for module in found] == ["ring", "bus", "net_top"]
    assert modules.dependencies(found) == "ring.ko:\nbus.ko: ring.ko\nnet_top.ko: bus.ko ring.ko\n"
    assert modules.aliases(found).splitlines()[-1] == "alias pci:net-top.ko* net_top"


def test_a_module_may_be_compressed(kernel: Kernel) -> None:
    """As Debian does from trixie on; the guest gets it plain."""
    plain = kernel({"a.ko": "b"}) / "kernel/drivers/a.ko"
    (packed := plain.with_suffix(".ko.xz")).write_bytes(lzma.compress(plain.read_bytes()))
    assert modules.read_module(packed) == modules.read_module(plain)


def test_a_module_that_is_missing_is_named(kernel: Kernel) -> None:
    """It is the kernel that is the wrong one."""
    with pytest.raises(CacheError, match="no module b"):
        modules.closure(kernel({"a.ko": "b"}), ["a"])


def test_a_damaged_module_is_noticed(kernel: Kernel) -> None:
    """Cut off in its header."""
    path = kernel({"a.ko": ""}) / "kernel/drivers/a.ko"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CacheError, match="not a kernel module"):
        modules.read_module(path)


# --- the services, without a guest ----------------------------------------------------------------------------------


def test_the_services_are_one_static_program(tmp_path: Path) -> None:
    """It refuses options that it does not know, so it runs."""
    guest.compile_services(tmp_path / "services")
    refused = subprocess.run([tmp_path / "services", "--what"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.split()[0]) == (2, "usage:")


# --- the tick guest's memory ----------------------------------------------------------------------------------------


@given(GENERATIONS | st.integers(1, 20), DONE)
def test_a_snapshot_at_any_moment_is_explained(generation: int, done: int) -> None:
    """Between two pages, between two passes, also where counts wrap."""
    found = tick.explain(tick.snapshot(generation, done))
    assert found.possible, found.objection
    assert (found.generation * tick.PAGES + found.done) == (generation * tick.PAGES + done)


@given(GENERATIONS | st.integers(1, 20), INDEX, st.integers(0, 2))
def test_a_page_half_written_is_explained(generation: int, index: int, stage: int) -> None:
    """Its first word is written before its last one."""
    held = list(tick.stages(index, generation))[stage]
    assert tick.explain(_with_page(tick.snapshot(generation, index), index, held)).possible


@given(GENERATIONS, INDEX, INDEX, st.integers(1, 40))
def test_an_older_page_is_noticed(generation: int, done: int, index: int, back: int) -> None:
    """By one generation or more, wherever its content differs; but for the one page that may be amid its writing."""
    held = generation if index < done else generation - 1
    older = tick.page(index, max(held - back, 0))
    changed = _with_page(tick.snapshot(generation, done), index, older)
    possible = older in tick.stages(index, generation) if index == done else older == tick.page(index, held)
    assert tick.explain(changed).possible == possible


@given(GENERATIONS, DONE, INDEX)
def test_a_page_one_generation_old_always_differs(generation: int, done: int, index: int) -> None:
    """So one generation is noticed in every page that the guest is not at."""
    held = generation if index < done else generation - 1
    assert tick.page(index, held) != tick.page(index, held - 1)


@given(GENERATIONS, DONE)
def test_the_sabotage_is_noticed(generation: int, done: int) -> None:
    """Whenever it strikes."""
    memory = tick.snapshot(generation, done)
    address, content = tick.older_page(memory)
    at = address - tick.SAVED[0]
    assert not tick.explain(memory[:at] + content + memory[at + len(content) :]).possible


@given(GENERATIONS, INDEX)
def test_a_quiet_guest_has_completed_its_pass(generation: int, index: int) -> None:
    """Then the page written last is judged too."""
    memory = tick.snapshot(generation, tick.PAGES)
    assert tick.explain(memory, complete=generation).possible
    assert not tick.explain(memory, complete=generation - 1).possible
    older = _with_page(memory, index, tick.page(index, generation - 1))
    assert not tick.explain(older, complete=generation).possible


@given(GENERATIONS, DONE, INDEX)
def test_a_page_of_other_content_is_noticed(generation: int, done: int, index: int) -> None:
    """Also between its two words."""
    memory = bytearray(tick.snapshot(generation, done))
    memory[4 + index * tick.PAGE + 2000] ^= 1
    assert "clean=False" in tick.explain(bytes(memory)).objection


def _with_page(memory: bytes, index: int, held: tick.Page) -> bytes:
    at = 4 + index * tick.PAGE
    words = [number.to_bytes(4, "little") for number in (held.first, held.last)]
    return memory[:at] + words[0] + bytes(tick.PAGE - 8) + words[1] + memory[at + tick.PAGE :]


# --- the tick guest itself ------------------------------------------------------------------------------------------


def test_the_tick_guest_is_a_boot_sector(settings: Settings) -> None:
    """One sector with its signature, and a disk around it."""
    disk = guest.tick(settings).read_bytes()
    assert (len(disk), disk[510:512], disk[512:].strip(b"\0")) == (guest.DISK, b"\x55\xaa", b"")


@pytest.fixture
def history() -> History:
    """What the console says."""
    return History()


@pytest.fixture
def vm(settings: Settings, history: History, tmp_path: Path) -> Iterator[VM]:
    """The tick guest on the reference QEMU under TCG."""
    files, topology = Files(tmp_path), Topology(guest="tick", accel="tcg")
    disk = Part("-drive", f"if=ide,format=raw,snapshot=on,file={guest.tick(settings)}")
    graph = argv.machine(topology, files, host="host_a", boot=None).joined([disk])
    with Guardian() as guardian, Loop() as loop:
        around = Surroundings(loop, guardian, settings.timeouts)
        command = [*release.reference(settings).argv(), *graph]
        with VM("host_a", command, files, site=Here(), history=history, around=around) as vm:
            yield vm


def _line(history: History, since: int, start: str = "") -> Entry:
    def matches(entry: Entry) -> bool:
        return entry.kind == "console" and entry.what.startswith(start)

    return history.wait_for(f"a console line {start}…", matches, since=since, timeout=20)


def _memory(vm: VM, address: int, size: int) -> bytes:
    path = vm.files.folder / "memory"
    vm.execute("pmemsave", {"val": address, "size": size, "filename": str(path)})
    return path.read_bytes()


def test_the_tick_guest_leaves_the_pattern(vm: VM, history: History) -> None:
    """Stopped at any moment its memory is explained; quiet, all memory stays; and it goes on."""
    first = _line(history, 0)
    vm.execute("stop")
    stopped = tick.explain(_memory(vm, *tick.SAVED))
    vm.execute("cont")
    vm.send_console(tick.QUIET)
    quiet = int(_line(history, first.line - 1, "Q").what[1:], 16)
    before, after = (_memory(vm, 0, 16 << 20) for _ in range(2))
    saved = before[tick.SAVED[0] :][: tick.SAVED[1]]
    since = history.cursor()
    vm.send_console(tick.GO)
    later = int(_line(history, since).what, 16)

    assert stopped.possible, stopped.objection
    assert tick.explain(saved, complete=quiet).possible
    assert before == after
    assert int(first.what, 16) <= stopped.generation <= quiet < later
