"""An ordinary user for one command, made by root: no rights, a home, and what an administrator may give to users.

Nothing of the machine is changed. The device nodes, and the folders through which only root may go, are covered by
others in a mount namespace of the command's own, and are gone with it.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
USER = 12345
"""The user's number, and that of the one group that the devices belong to; no account has it."""
OPENED, CLOSED = "0660", "0600"
"""Modes of the devices: what the user's group may open, and what root alone may."""
PATH = "/usr/local/bin:/usr/bin:/bin"
"""What Debian gives users who are not root (login.defs(5))."""
_BECOME = """
umask 0022
user=$1 mode=$2 covered=$3 shown=$4; shift 4
mount -t tmpfs -o mode=0755 none /dev/net
mknod -m "$mode" /dev/net/tun c 10 200
chgrp "$user" /dev/net/tun
for name in kvm userfaultfd; do
    [ -e /dev/$name ] || continue
    mknod -m "$mode" /dev/net/$name c 10 "$((0x$(stat -c %T /dev/$name)))"
    chgrp "$user" /dev/net/$name
    mount --bind /dev/net/$name /dev/$name
done
IFS=:
for folder in $shown; do mkdir -p "/dev/net/$folder"; mount --bind "$folder" "/dev/net/$folder"; done
for folder in $covered; do mount -t tmpfs -o mode=0755 none "$folder"; done
for folder in $shown; do mkdir -p "$folder"; mount --bind "/dev/net/$folder" "$folder"; done
unset IFS
prlimit --pid $$ --rtprio=1 2> /dev/null || true  # in a container root may not
exec setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"
"""


def becoming(home: Path, *, devices: str = OPENED) -> tuple[str, ...]:
    """Return what is to be put before a command for an ordinary user to run it, whose own folder `home` becomes."""
    os.chown(home, USER, USER)
    shown = [ROOT, Path(sys.base_prefix), home]
    covered = {closed for folder in shown for closed in _closed(folder)}
    folders = [":".join(map(str, some)) for some in (sorted(covered), [one for one in shown if any(_closed(one))])]
    environment = ("env", "-u", "XDG_CACHE_HOME", f"XDG_RUNTIME_DIR={home}", f"HOME={home}", f"PATH={PATH}")
    script = ("unshare", "--mount", "sh", "-euc", _BECOME, "sh", str(USER), devices, *folders)
    return (*script, *environment, "PYTEST_ADDOPTS=-p no:cacheprovider")


def _closed(folder: Path) -> list[Path]:
    """Return the outermost folder on the way to this one through which others may not go."""
    return [parent for parent in reversed(folder.parents) if not parent.stat().st_mode & 1][:1]


def main() -> None:
    """Run the command behind the first argument, the user's home, as an ordinary user."""
    home = Path(sys.argv[1]).absolute()
    home.mkdir(parents=True, exist_ok=True)
    command = (*becoming(home), *sys.argv[2:])
    os.execvp(command[0], command)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
