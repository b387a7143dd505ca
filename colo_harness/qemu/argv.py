"""QEMU's command line for each side: the COLO object graph is here and nowhere else.

It follows "Startup qemu" of QEMU 11.1's document system/qemu-colo, with the document's ids and ports;
docs/departures.md lists what departs from it, and why.
suites/harness/test_argv.py holds both command lines against the document that the reference release ships.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from colo_harness.qemu.contract import Contract
from colo_harness.qemu.topology import MEDDLER_PORT, NARROWS_PORT, Channel, Host, Role, Topology

LOOP_PORT = 9001
"""On a host's loopback: where the primary's filters reach its colo-compare."""
OUT_PORT = 9005
"""On a host's loopback: where colo-compare lets frames go."""
GUEST_MAC = "52:54:00:aa:bb:01"
MACS = (GUEST_MAC, "52:54:00:aa:bb:02")
SECOND, SECOND_PORTS = "-b", 10
"""What the proxy of a second NIC has behind its ids, and how much higher its ports are."""
_DISK = re.compile(r"\b(colo-disk|parent|childs)0\b|(?<=/)(disk|active|hidden)(?=\.(?:qcow2|raw))")
_NAMES = re.compile(r"\b(id|indev|outdev|primary_in|secondary_in|iothread)=([\w-]+)")
_PORT = re.compile(r"\bport=(\d+)")
QUORUM = "driver=quorum,read-pattern=fifo,vote-threshold=1"
SIDES: Mapping[Host, str] = {"host_a": "A", "host_b": "B"}
"""What the guest's differ service answers on each host."""


@dataclass(frozen=True)
class Part:
    """One option of the command line; `id` names it where QEMU does."""

    flag: str
    value: str
    id: str = ""


@dataclass(frozen=True)
class Graph:
    """A command line in parts, so that a sabotage can leave one out or change it."""

    parts: tuple[Part, ...]

    def __iter__(self) -> Iterator[str]:
        for part in self.parts:
            yield part.flag
            if part.value:
                yield part.value

    def ids(self, flag: str) -> list[str]:
        """Return the ids of all parts with `flag`, in order."""
        return [part.id for part in self.parts if part.flag == flag and part.id]

    def without(self, *ids: str) -> "Graph":
        """Return the graph with the parts `ids` left out."""
        return Graph(tuple(part for part in self.parts if part.id not in ids))

    def joined(self, parts: Iterable[Part]) -> "Graph":
        """Return the graph with more parts behind its own."""
        return Graph((*self.parts, *parts))

    def adding(self, wanted: str, properties: str) -> "Graph":
        """Return the graph with `properties` added to the part `wanted`; QEMU lets the last of each name win."""
        return Graph(
            tuple(
                Part(part.flag, f"{part.value},{properties}", part.id) if part.id == wanted else part
                for part in self.parts
            )
        )


@dataclass(frozen=True)
class Files:
    """Where one QEMU's files are; all lie in folders of its own."""

    folder: Path
    raw: bool = False
    """Whether the images of the guest's disks are raw."""
    room: Path | None = None
    """A folder that the host's buffers lie in, where that is not this one."""

    def make(self) -> None:
        """Make the folders that all files lie in."""
        self.folder.mkdir()
        self._buffers.mkdir(exist_ok=True)

    def next(self) -> "Files":
        """Return where the next QEMU of the same host has its files: host_a, then host_a-2, host_a-3 and so on."""
        host, _, number = self.folder.name.partition("-")
        return replace(self, folder=self.folder.with_name(f"{host}-{int(number or 1) + 1}"))

    @property
    def monitor(self) -> Path:
        """Socket of the monitor that issues commands."""
        return self.folder / "qmp.sock"

    @property
    def rescue(self) -> Path:
        """Socket of the second monitor, for out-of-band `yank` when the first one hangs."""
        return self.folder / "rescue.sock"

    @property
    def spare(self) -> Path:
        """Socket of the third monitor, where the topology has one; nobody of ours connects."""
        return self.folder / "spare.sock"

    @property
    def console_log(self) -> Path:
        """What the guest wrote to its serial port, line by line as it came."""
        return self.folder / "console.txt"

    @property
    def console(self) -> Path:
        """Socket of the guest's serial port."""
        return self.folder / "console.sock"

    @property
    def trace(self) -> Path:
        """FIFO that QEMU traces into."""
        return self.folder / "trace.fifo"

    @property
    def memory(self) -> Path:
        """Guest memory, where the topology keeps it in a file."""
        return self.folder / "memory.bin"

    @property
    def disk(self) -> Path:
        """The replicated disk: the document's primary.qcow2 on each host."""
        return self._disk("")

    def images(self, disks: int = 1) -> list[tuple[Path, Path, Path]]:
        """Return the image, the active and the hidden disk of each of the guest's disks."""
        ends = ("", SECOND)[:disks]
        return [(self._disk(end), self._image("active", end), self._image("hidden", end)) for end in ends]

    def _disk(self, end: str) -> Path:
        return self.folder / f"disk{end}.{'raw' if self.raw else 'qcow2'}"

    def _image(self, name: str, end: str) -> Path:
        return self._buffers / f"{name}{end}.qcow2"

    @property
    def _buffers(self) -> Path:
        return self.room / self.folder.name if self.room else self.folder

    @property
    def active(self) -> Path:
        """The secondary's active disk."""
        return self._image("active", "")

    @property
    def hidden(self) -> Path:
        """The secondary's hidden disk."""
        return self._image("hidden", "")


@dataclass(frozen=True)
class Boot:
    """How a guest is started that its disk does not boot: kernel, initramfs and command line."""

    kernel: Path
    initrd: Path | None
    cmdline: str


def machine(topology: Topology, files: Files, *, host: Host, boot: Boot | None) -> Graph:
    """Return what every QEMU of a topology shares, whatever its role."""
    parts = [
        Part("-name", host),
        Part("-machine", topology.machine + (",memory-backend=pc.ram" if topology.memory_file else "")),
        Part("-accel", topology.accel),
        Part("-cpu", _cpu(topology)),
        Part("-m", f"{topology.memory_mib}{',maxmem=1G' if topology.discards else ''}"),
        Part("-smp", str(topology.cpus)),
        Part("-nodefaults", ""),
        Part("-display", "none"),
        Part("-msg", "timestamp=on"),
        Part("-qmp", f"unix:{files.monitor},server=on,wait=off"),
        Part("-qmp", f"unix:{files.rescue},server=on,wait=off"),
        Part("-trace", "colo_send_message"),
        Part("-trace", "colo_receive_message"),
        Part("-trace", "colo_old_packet_check_found"),
        Part("-D", str(files.trace)),
        Part("-chardev", f"socket,id=console0,path={files.console},server=on,wait=off", "console0"),
        Part("-serial", "chardev:console0"),
    ]
    parts += [] if topology.reboots else [Part("-no-reboot", "")]
    parts += [Part("-no-shutdown", "")] if topology.stays else []
    if topology.spare_monitor or topology.managed:
        parts.append(Part("-qmp", f"unix:{files.spare},server=on,wait=off"))
    if topology.memory_file:
        size = f"size={topology.memory_mib}M,share=on"
        parts.append(Part("-object", f"memory-backend-file,id=pc.ram,mem-path={files.memory},{size}", "pc.ram"))
    if boot:
        parts += [Part("-kernel", str(boot.kernel)), Part("-append", boot.cmdline)]
        parts += [Part("-initrd", str(boot.initrd))] if boot.initrd else []
    if topology.networked:
        parts += [
            *(part for nic in range(topology.nics) for part in _nic(nic, topology)),
            Part("-fw_cfg", f"name=opt/colo/side,string={SIDES[host]}"),
        ]
    parts += [Part("-device", "piix3-usb-uhci"), Part("-device", "usb-tablet")] if topology.usb else []
    parts += [Part("-device", "virtio-scsi-pci,id=scsi0", "scsi0")] if topology.bus == "scsi" else []
    parts += [Part("-device", "pvpanic-pci,id=pvpanic0", "pvpanic0")] if topology.pvpanic else []
    if topology.discards:
        parts.append(Part("-object", "memory-backend-ram,id=vmem0,size=64M", "vmem0"))
        parts.append(Part("-device", "virtio-mem-pci,id=vm0,memdev=vmem0", "vm0"))
    return Graph(tuple(parts))


def alone(topology: Topology, files: Files) -> Iterable[Part]:
    """Return what a QEMU needs besides `machine` to boot the guest whose state is then saved."""
    return _for_each_disk(_seen_by_guest(topology, f"file={files.disk},format={_format(topology)}"), topology)


def primary(topology: Topology, files: Files) -> Iterable[Part]:
    """Return the primary's part of the document's first step."""
    child = f"children.0.file.filename={files.disk},children.0.driver={_format(topology)}"
    storage = [*_for_each_disk(_seen_by_guest(topology, f"{QUORUM},{child}"), topology), Part("-S", "")]
    if not topology.proxied:
        return storage
    waiting = "on" if topology.waiting else "off"
    timing = f"compare_timeout={topology.compare_timeout_ms},expired_scan_cycle={topology.scan_cycle_ms}"
    streams = "primary_in=compare0-0,secondary_in=compare1,outdev=compare_out0"
    proxy = [
        _chardev("mirror0", f"host=0.0.0.0,port={Channel.MIRROR},server=on,wait=off"),
        _chardev("compare1", f"host=0.0.0.0,port={Channel.COMPARE},server=on,wait={waiting}"),
        _chardev("compare0", f"host=127.0.0.1,port={LOOP_PORT},server=on,wait=off"),
        _chardev("compare0-0", f"host=127.0.0.1,port={NARROWS_PORT if topology.narrowed else LOOP_PORT}"),
        _chardev("compare_out", f"host=127.0.0.1,port={OUT_PORT},server=on,wait=off"),
        _chardev("compare_out0", f"host=127.0.0.1,port={MEDDLER_PORT if topology.meddling else OUT_PORT}"),
        _filter("filter-mirror", "m0", "queue=tx,outdev=mirror0"),
        _filter("filter-redirector", "redire0", "queue=rx,indev=compare_out"),
        _filter("filter-redirector", "redire1", "queue=rx,outdev=compare0"),
        Part("-object", "iothread,id=iothread1", "iothread1"),
        Part(
            "-object",
            f"colo-compare,id=comp0,{streams},iothread=iothread1,vnet_hdr_support=on,{timing}",
            "comp0",
        ),
    ]
    return [*_for_each_nic(proxy, topology), *storage]


def secondary(topology: Topology, files: Files, contract: Contract, *, primary_address: str) -> Iterable[Part]:
    """Return the secondary's part of the document's second step."""
    replica = (
        "if=none,id=childs0,driver=replication,mode=secondary,file.driver=qcow2,top-id=colo-disk0,"
        f"file.file.filename={files.active},file.backing.driver=qcow2,"
        f"file.backing.file.filename={files.hidden},file.backing.backing=parent0"
    )
    drives = (
        _drives_of_2016(topology, files)
        if topology.document == "2016"
        else [
            Part("-drive", f"if=none,id=parent0,file.filename={files.disk},driver={_format(topology)}", "parent0"),
            Part("-drive", replica, "childs0"),
            *_seen_by_guest(topology, f"{QUORUM},children.0=childs0"),
        ]
    )
    incoming = Part("-incoming", "defer" if topology.deferred else f"tcp:0.0.0.0:{Channel.CHECKPOINT}")
    halted = [Part("-S", "")] if topology.secondary_halted or topology.standby else []
    storage = [*_for_each_disk(drives, topology), *halted, *([] if topology.standby else [incoming])]
    if not topology.proxied:
        return storage
    proxy = [
        _chardev("red0", f"host={primary_address},port={Channel.MIRROR},{contract.reconnect}"),
        _chardev("red1", f"host={primary_address},port={Channel.COMPARE},{contract.reconnect}"),
        _filter("filter-redirector", "f1", "queue=tx,indev=red0"),
        _filter("filter-redirector", "f2", "queue=rx,outdev=red1"),
        *([_filter("filter-rewriter", "rew0", "queue=all")] if topology.rewriter else []),
    ]
    return [*_for_each_nic(proxy, topology), *storage]


def role_parts(
    role: Role, topology: Topology, files: Files, contract: Contract, *, primary_address: str
) -> Iterator[Part]:
    """Yield the parts of `role`."""
    yield from [Part("-name", "debug-threads=on")] if contract.thread_names else []
    if role is Role.PRIMARY:
        yield from primary(topology, files)
    else:
        yield from secondary(topology, files, contract, primary_address=primary_address)


def ids_for_each_nic(ids: Iterable[str], topology: Topology) -> list[str]:
    """Return these ids of the first NIC's proxy, and those of the second one's where there is one."""
    return [name + end for end in ("", SECOND)[: topology.nics] for name in ids]


def _for_each_nic(proxy: Sequence[Part], topology: Topology) -> list[Part]:
    """Return the parts of the first NIC's proxy, and the same again for the second one where there is one.

    Only a virtio NIC has frames with a header of its own.
    """
    bare = {topology.headerless} if topology.nic == "virtio-net-pci" else {part.id for part in proxy}
    proxy = [
        replace(part, value=part.value.replace(",vnet_hdr_support=on", "")) if part.id in bare else part
        for part in proxy
    ]
    return [*proxy, *(map(_for_second_nic, proxy) if topology.nics > 1 else ())]


def _for_each_disk(drives: Sequence[Part], topology: Topology) -> list[Part]:
    """Return the first disk's parts, and the same again for the second one where there is one."""
    second = [Part(part.flag, _of_second_disk(part.value), _of_second_disk(part.id)) for part in drives]
    return [*drives, *(second if topology.disks > 1 else ())]


def _of_second_disk(text: str) -> str:
    """Return with a 1 behind the ids, and SECOND behind the images' names, what the first disk's options say."""
    return _DISK.sub(lambda found: f"{found[1]}1" if found[1] else f"{found[2]}{SECOND}", text)


def _for_second_nic(part: Part) -> Part:
    value = _NAMES.sub(rf"\1=\2{SECOND}", part.value).replace("netdev=hn0", "netdev=hn1")
    return Part(part.flag, _PORT.sub(lambda found: f"port={int(found[1]) + SECOND_PORTS}", value), part.id + SECOND)


def _nic(number: int, topology: Topology) -> list[Part]:
    device = f"{topology.nic},id=e{number},netdev=hn{number},mac={MACS[number]},romfile={_offloads(topology)}"
    return [
        Part("-netdev", f"tap,id=hn{number},ifname=tap{number},script=no,downscript=no,vhost=off", f"hn{number}"),
        Part("-device", device, f"e{number}"),
    ]


def _cpu(topology: Topology) -> str:
    if topology.accel == "tcg":
        return "qemu64"
    return f"qemu64,kvmclock={'on' if topology.guest in ('linux', 'applications') else 'off'}"


def _seen_by_guest(topology: Topology, image: str) -> list[Part]:
    """Return the drive that the guest sees, and the device where the drive does not bring its own."""
    bus = topology.bus or ("ide" if topology.guest == "tick" else "virtio")
    if bus == "scsi":
        device = Part("-device", "scsi-hd,bus=scsi0.0,drive=colo-disk0")
        return [Part("-drive", f"if=none,id=colo-disk0,{image}", "colo-disk0"), device]
    return [Part("-drive", f"if={bus},id=colo-disk0,{image}", "colo-disk0")]


def _drives_of_2016(topology: Topology, files: Files) -> list[Part]:
    """Return the secondary's drives by docs/COLO-FT.txt: no quorum, the replication is what the guest sees."""
    replica = (
        "driver=replication,mode=secondary,file.driver=qcow2,top-id=active-disk0,"
        f"file.file.filename={files.active},file.backing.driver=qcow2,"
        f"file.backing.file.filename={files.hidden},file.backing.backing=colo-disk0"
    )
    parent = f"if=none,id=colo-disk0,file.filename={files.disk},driver={_format(topology)},node-name=node0"
    return [
        Part("-drive", parent, "colo-disk0"),
        Part("-drive", f"if={topology.bus or 'virtio'},id=active-disk0,{replica}", "active-disk0"),
    ]


def _format(topology: Topology) -> str:
    return "raw" if topology.raw else "qcow2"


def _offloads(topology: Topology) -> str:
    """Return what takes a virtio NIC's sums and segmentation away, both ways, or nothing."""
    if topology.offloads:
        return ""
    given = [f"{way}_{what}" for way in ("host", "guest") for what in ("tso4", "tso6", "ecn", "ufo")]
    return "".join(f",{feature}=off" for feature in ("csum", "guest_csum", "gso", *given))


def _chardev(name: str, where: str) -> Part:
    return Part("-chardev", f"socket,id={name},{where}", name)


def _filter(kind: str, name: str, rest: str) -> Part:
    return Part("-object", f"{kind},id={name},netdev=hn0,{rest},vnet_hdr_support=on", name)
