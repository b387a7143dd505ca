"""The fence command: `fence.py SOCKET HOST [BY]` has HOST powered off; its exit status is the confirmation.

It reaches the power switch by a socket, over no network of the pair. `BY` is the host that asks, if one does: a host
that was powered off itself gets nothing. Standard library only.
"""

import socket
import sys


def main() -> int:
    """Return 0 once the host is off, else 1 with the reason on stderr."""
    path, *wish = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(" ".join(wish).encode() + b"\n")
        answer = line.makefile().readline().strip()
    if answer != "off":
        sys.stderr.write(f"{answer or 'no answer'}\n")
    return answer != "off"


if __name__ == "__main__":
    sys.exit(main())
