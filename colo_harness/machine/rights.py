"""The rights of an ordinary user: a user namespace of his own, in which he may do to the network what root may.

He stays who he is there, and so do his files; only the capabilities are new, and his children have them, too. It has
mounts of its own, and ends with its last process. The network stays the machine's until the first step into one of ours
(colo_harness/machine/namespace.py): what is to be fetched is fetched before.
"""

import ctypes
import os
from pathlib import Path

from colo_harness.errors import MachineError

NEWUSER, NEWNS = 0x10000000, 0x20000
_SYS_ADMIN = 1 << 21
_VERSION_3 = 0x20080522
_AMBIENT, _RAISE = 47, 2
"""PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE (prctl(2)): what a child keeps although it is not root."""
_FORBIDDEN = (
    ("user/max_user_namespaces", "0", "15000"),
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
"""What forbids user namespaces to ordinary users, the value with which it does, and one that allows them."""
_ROOTS_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian has tc and others, and does not look for them when a user is not root."""
_SETTINGS = Path("/proc/sys")
_libc = ctypes.CDLL(None, use_errno=True)


class _Head(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def acquire() -> None:
    """Let this process have a user namespace of its own where it has not root's rights.

    Where the machine forbids it all stays as it was. Raises MachineError where there is another thread.
    """
    if _capabilities()[0].effective & _SYS_ADMIN or not _may():
        return
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise MachineError("a process with threads cannot get the rights of an ordinary user", "start threads later")
    _enter()
    os.environ.setdefault("LOGNAME", str(os.getuid()))  # asyncssh asks for a name, which who has no account has not
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ROOTS_PROGRAMS])


def are_own() -> bool:
    """Say whether this process has such a user namespace, in which there is nobody else."""
    return Path("/proc/self/uid_map").read_text(encoding="utf-8").split()[2:] == ["1"]


def remedy() -> str:
    """Return what helps who may not make namespaces."""
    for setting, forbidding, allowing in _FORBIDDEN:
        path = _SETTINGS / setting
        if path.exists() and path.read_text(encoding="utf-8").strip() == forbidding:
            return f"let ordinary users make user namespaces: as root, sysctl {setting.replace('/', '.')}={allowing}"
    return "run as root or with CAP_SYS_ADMIN; in a container, start it with --privileged"


def _may() -> bool:
    """Try it in a child, since there is no way back: what a machine forbids may show only half-way."""
    child = os.fork()
    if not child:
        status = 1
        try:
            _enter()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _enter() -> None:
    """Raises OSError."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", NEWUSER | NEWNS)
    Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")  # without it no group may be mapped
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="utf-8")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="utf-8")
    halves = _capabilities()
    for half in halves:
        half.inheritable = half.permitted
    _call("capset", ctypes.byref(_Head(_VERSION_3, 0)), halves)
    for number in range(64):
        if halves[number // 32].permitted >> number % 32 & 1:
            _call("prctl", _AMBIENT, _RAISE, number, 0, 0)


def _capabilities() -> ctypes.Array[_Half]:
    halves = (_Half * 2)()
    _call("capget", ctypes.byref(_Head(_VERSION_3, 0)), halves)
    return halves


def _call(name: str, *arguments: object) -> None:
    if _libc[name](*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
