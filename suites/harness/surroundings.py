"""Poor surroundings for a command: each is put before it, and makes the machine lack one thing for real."""

_RIGHTLESS = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all "$@"'
_USER = 'echo 1 > /proc/sys/user/max_user_namespaces; exec unshare --user --map-user=1000 --map-group=1000 "$@"'
WITHOUT_RIGHTS = ("unshare", "--user", "--map-root-user", "sh", "-ec", _RIGHTLESS, "sh")
AS_USER = ("unshare", "--user", "--map-root-user", "sh", "-ec", _USER, "sh")
"""Neither gets rights by a user namespace: no further one is allowed."""
WITHOUT_TUN = ("unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /dev/net; exec "$@"', "sh")
WITHOUT_KVM = ("unshare", "--mount", "sh", "-ec", 'mount --bind /dev/null /dev/kvm; exec "$@"', "sh")
"""Its /dev/kvm is none; the machine must have one, or there is nothing to hide."""

WITH_TINY_AND_LOCKED = (
    *("unshare", "--mount", "sh", "-ec"),
    'mount -t tmpfs -o size=1m,mode=0700 none tiny; mount -t tmpfs -o ro none locked; exec "$@"',
    "sh",
)
"""In the working folder, `tiny` is a disk with no room and `locked` one that can only be read."""

WITH_SMALL = ("unshare", "--mount", "sh", "-ec", 'mount -t tmpfs -o size=290m,mode=0700 none "$SMALL"; exec "$@"', "sh")
"""The folder SMALL is a disk that has just enough room for a run."""
WITH_LOCKED_CACHE = (
    *("unshare", "--mount", "sh", "-ec"),
    'mount --bind "$CACHE" "$CACHE"; mount -o remount,ro,bind "$CACHE"; exec "$@"',
    "sh",
)
"""The folder CACHE can only be read."""
