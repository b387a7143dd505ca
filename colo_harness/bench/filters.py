"""What each part of the proxy costs a guest that runs alone: it is put in, timed, and taken out again, in turn."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from colo_harness.bench.gauge import Gauge
from colo_harness.bench.interval import paired_ratio
from colo_harness.bench.load import LOADS
from colo_harness.colo.procedure import add, drop_chardevs, drop_objects
from colo_harness.qemu.argv import Part
from colo_harness.qemu.vm import VM

PORTS = {"a": 9101, "b": 9102, "c": 9103}
"""On the host's loopback, of a stream each."""
NONE = "none"
TIMED = ("request/response", "down")


def _stream(name: str) -> list[Part]:
    """Return both ends of a stream through the host's loopback: frames come out of `name`-in as they went into -out."""
    where = f"host=127.0.0.1,port={PORTS[name]}"
    ends = (
        (f"{name}-out", f"socket,id={name}-out,{where},server=on,wait=off"),
        (f"{name}-in", f"socket,id={name}-in,{where}"),
    )
    return [Part("-chardev", value, end) for end, value in ends]


def _object(kind: str, name: str, rest: str) -> Part:
    return Part("-object", f"{kind},id={name},{rest},vnet_hdr_support=on", name)


_REDIRECTED = [
    *_stream("a"),
    _object("filter-redirector", "back", "netdev=hn0,queue=rx,indev=a-in"),
    _object("filter-redirector", "away", "netdev=hn0,queue=rx,outdev=a-out"),
]
_COMPARED = [
    *(part for name in PORTS for part in _stream(name)),
    Part("-object", "iothread,id=thread", "thread"),
    _object("colo-compare", "comparison", "primary_in=a-in,secondary_in=b-in,outdev=c-out,iothread=thread"),
    _object("filter-redirector", "back", "netdev=hn0,queue=rx,indev=c-in"),
    _object("filter-redirector", "away", "netdev=hn0,queue=rx,outdev=a-out"),
    _object("filter-mirror", "twin", "netdev=hn0,queue=rx,outdev=b-out"),
]
PARTS: Mapping[str, Sequence[Part]] = MappingProxyType(
    {
        NONE: [],
        "filter-mirror": [*_stream("a"), _object("filter-mirror", "twin", "netdev=hn0,queue=tx,outdev=a-out")],
        "filter-rewriter": [_object("filter-rewriter", "rewriter", "netdev=hn0,queue=all")],
        "filter-redirector": _REDIRECTED,
        "colo-compare": _COMPARED,
    }
)
"""What is put in: a mirror of what comes; a rewriter; a redirector with another that brings what goes out back; and a
comparison of what goes out with a copy of itself, which is what a perfect secondary would say. Frames of the
guest pass the list from its tail to its head.
"""


def measure_filters(gauge: Gauge, usual: int) -> None:
    """Time a guest's answers and downloads with each part of the proxy, in each repetition in another order."""
    sheet = gauge.sheet
    with gauge.alone() as (network, vm):
        for number in gauge.repetitions(usual):
            for name in gauge.dice.sample(sorted(PARTS), len(PARTS)):
                with _put_in(vm, PARTS[name]):
                    for load in TIMED:
                        sheet.take(f"{name}, {load}", number, LOADS[load](network.client).seconds)
    sheet.derived = {
        f"{name}, {load}": paired_ratio(
            sheet.seconds(f"{name}, {load}"), sheet.seconds(f"{NONE}, {load}"), seed=sheet.seed
        ).as_json()
        for name in PARTS
        if name != NONE
        for load in TIMED
    }


@contextmanager
def _put_in(vm: VM, parts: Sequence[Part]) -> Iterator[None]:
    add(vm, parts)
    yield
    drop_objects(vm, reversed([part.id for part in parts if part.flag == "-object"]))
    drop_chardevs(vm, reversed([part.id for part in parts if part.flag == "-chardev"]))
