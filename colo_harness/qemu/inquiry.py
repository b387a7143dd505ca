"""What a QEMU without a machine answers, asked by the names of its promises."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from colo_harness.errors import CommandError, LaunchFailure, MonitorLost
from colo_harness.machine.namespace import Namespace
from colo_harness.qemu.bare import BareQemu
from colo_harness.qemu.contract import Contract
from colo_harness.qemu.promises import Promises, questions
from colo_harness.qemu.vm import Surroundings

Answers = dict[str, Any]
NETDEV, STREAM, THREAD = "hn0", "stream0", "iothread1"
_FILTER = {"netdev": NETDEV}
NEEDED: Mapping[str, Mapping[str, str]] = {
    "colo-compare": {"primary_in": STREAM, "secondary_in": f"{STREAM}-b", "outdev": f"{STREAM}-c", "iothread": THREAD},
    "filter-mirror": {**_FILTER, "outdev": STREAM},
    "filter-redirector": {**_FILTER, "outdev": STREAM},
    "filter-rewriter": _FILTER,
}
"""The properties that an object cannot do without."""
HANGS = 5.0
"""Seconds, times the factor, that an answer may take."""


class Inquiry:
    """Asks the QEMU that `qemu` starts; what it starts has its files in `folder`, and its ports in `namespace`."""

    def __init__(
        self, qemu: Sequence[str], contract: Contract, folder: Path, around: Surroundings, namespace: Namespace
    ) -> None:
        self._qemu = qemu
        self._contract = contract
        self._folder = folder
        self._around = around
        self._namespace = namespace
        self._names = (f"bare-{number}" for number in count(1))

    def ask(self, kind: str, promises: Promises) -> Answers:
        """Return the answer to each promise of this kind, by name. Raises LaunchFailure, MonitorLost."""
        return KINDS[kind](self, promises.of(kind))

    def commands(self, names: Iterable[str]) -> Answers:
        """Tell of each command whether there is one."""
        with self._bare() as qemu:
            known = {one["name"] for one in qemu.execute("query-commands")}
        return {name: name in known for name in names}

    def events(self, names: Iterable[str]) -> Answers:
        """Tell of each event whether there is one."""
        with self._bare() as qemu:
            known = {one["name"] for one in qemu.execute("query-qmp-schema") if one["meta-type"] == "event"}
        return {name: name in known for name in names}

    def features(self, names: Iterable[str]) -> Answers:
        """Tell of each migration capability whether there is one."""
        with self._bare() as qemu:
            known = {one["capability"] for one in qemu.execute("query-migrate-capabilities")}
        return {name: name in known for name in names}

    def parameters(self, names: Iterable[str]) -> Answers:
        """Return the migration's parameters as they are at first."""
        with self._bare() as qemu:
            known = qemu.execute("query-migrate-parameters")
        return {name: known.get(name) for name in names}

    def defaults(self, names: Iterable[str]) -> Answers:
        """Return `object.property` of objects that were given what they cannot do without."""
        with self._bare() as qemu:
            qemu.execute("netdev_add", {"type": "hubport", "id": NETDEV, "hubid": 0})
            qemu.execute("object-add", {"qom-type": "iothread", "id": THREAD})
            for name in (STREAM, f"{STREAM}-b", f"{STREAM}-c"):
                address = {"type": "inet", "data": {"host": "127.0.0.1", "port": "0"}}
                data = {"addr": address, "server": True, "wait": False}
                qemu.execute("chardev-add", {"id": name, "backend": {"type": "socket", "data": data}})
            return {name: self._default(qemu, *name.split(".", 1)) for name in names}

    def _default(self, qemu: BareQemu, kind: str, name: str) -> Any:
        qemu.execute("object-add", {"qom-type": kind, "id": "it", **NEEDED[kind]})
        try:
            return qemu.execute("qom-get", {"path": "/objects/it", "property": name})
        except CommandError as refused:
            return refused.description
        finally:
            qemu.execute("object-del", {"id": "it"})

    def forms(self, names: Iterable[str]) -> Answers:
        """Return what was probed of this QEMU."""
        return {name: getattr(self._contract, name) for name in names}

    def answers(self, names: Iterable[str]) -> Answers:
        """Return what is said to each question, nothing where it is done."""
        return {name: self._said(questions()["answers"][name]) for name in names}

    def _said(self, told: Sequence[Any]) -> str:
        with self._bare() as qemu:
            try:
                for command, arguments in told:
                    answer = qemu.execute(command, arguments, timeout=HANGS * self._around.timeouts.factor)
            except CommandError as refused:
                return refused.description
            except MonitorLost:
                return "hangs" if qemu.process.alive else "dies"
            return answer.strip() if isinstance(answer, str) else ""

    def options(self, names: Iterable[str]) -> Answers:
        """Return what QEMU dies of for each piece of a command line, nothing where it lives."""
        return {name: self._died_of(questions()["options"][name]) for name in names}

    def _died_of(self, options: Sequence[Any]) -> str:
        try:
            with self._bare(*options) as qemu:
                qemu.execute("query-status")
        except LaunchFailure as failure:
            return str(failure).strip().rpartition("\n")[2].rpartition(": ")[2]
        return ""

    @contextmanager
    def _bare(self, *options: str) -> Iterator[BareQemu]:
        around, name = self._around, next(self._names)
        with BareQemu(
            self._qemu,
            self._folder,
            name=name,
            loop=around.loop,
            guardian=around.guardian,
            timeouts=around.timeouts,
            options=options,
            namespace=self._namespace,
        ) as qemu:
            yield qemu


KINDS: Mapping[str, Callable[[Inquiry, Iterable[str]], Answers]] = {
    "commands": Inquiry.commands,
    "events": Inquiry.events,
    "features": Inquiry.features,
    "parameters": Inquiry.parameters,
    "defaults": Inquiry.defaults,
    "forms": Inquiry.forms,
    "answers": Inquiry.answers,
    "options": Inquiry.options,
}
"""What a QEMU can be asked without a machine."""
