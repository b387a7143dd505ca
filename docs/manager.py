"""A cluster manager in 50 lines: on a machine beside both hosts, it asks each QEMU how it is."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

TOLD = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def tell(what: str, host: str, **more: object) -> None:
    print(json.dumps({"at": time.time(), "what": what, "host": host, **more}), flush=True)


def ask(lines: socket.SocketIO, *orders: dict) -> None:
    """Give a QEMU orders. Raises OSError where it is gone, is silent or refuses."""
    for order in orders:
        answer = {}
        while not (answer and answer.get("return", {}).items() >= order.get("until", {}).items()):
            print(json.dumps(order["command"]), file=lines, flush=True)
            answer = next(
                (one for one in map(json.loads, lines) if {"return", "error"} & one.keys()), {"error": "gone"}
            )
            if "error" in answer and not order.get("may_fail"):
                raise OSError(answer["error"])


qemus = {}
for name, told in TOLD["hosts"].items():
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(TOLD["patience_s"])
    line.connect(told["qmp"])
    qemus[name] = line.makefile("rw")
    ask(qemus[name], *told["start"])
tell("replicating", name)
try:
    while True:
        time.sleep(TOLD["interval_s"])
        for lost, lines in qemus.items():
            ask(lines, {"command": {"execute": "query-status"}})
except OSError as silence:
    (survivor,) = qemus.keys() - {lost}
    tell("detected", survivor, of=lost, reason=str(silence))
while subprocess.run([*TOLD["fence"], lost], check=False).returncode:
    time.sleep(TOLD["patience_s"])
tell("promoting", survivor)
ask(qemus[survivor], *TOLD["hosts"][survivor]["alone"])
tell("promoted", survivor)
