"""An ssh server in a namespace, which lets in who has the key that was made for it."""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colo_harness.machine import mark
from colo_harness.machine.guardian import Guardian
from colo_harness.machine.namespace import Namespace
from colo_harness.machine.process import Process, run
from colo_harness.wait import wait_until

PORT = 2222
WITH_ITS_FOLDER = ("unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /run; mkdir /run/sshd; exec "$@"', "sh")
"""sshd wants a folder of its own, which only a service manager makes."""


@contextmanager
def ssh_server(namespace: Namespace, folder: Path, guardian: Guardian) -> Iterator[Path]:
    """Run one at 127.0.0.1 in there; what people start bears our mark. Yields what Avocado reads of a host."""
    for name in ("host", "user"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], timeout=30)
    settings = {
        "ListenAddress": f"127.0.0.1:{PORT}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "PidFile": "none",
        "SetEnv": f"{mark.RUN}={os.environ[mark.RUN]}",
    }
    configuration = folder / "sshd_config"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in settings.items()), encoding="utf-8")
    argv: list[str | Path] = [*WITH_ITS_FOLDER, "/usr/sbin/sshd", "-D", "-e", "-f", configuration]
    with Process(argv, name="sshd", log_dir=folder, guardian=guardian, namespace=namespace) as server:
        wait_until("sshd to listen", lambda: "Server listening" in server.stderr() or not server.alive, timeout=10)
        slot = {"client": "ssh", "host": "127.0.0.1", "port": str(PORT), "username": getpass.getuser()}
        slot |= {"password": "", "prompt": r"[#$] $", "identity_file": str(folder / "user")}
        described = folder / "slot.json"
        described.write_text(json.dumps(slot), encoding="utf-8")
        yield described
