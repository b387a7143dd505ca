"""Privacy: whatever this process and its children make from now on is this user's alone: files 0600, folders 0700."""

import os

OTHERS = 0o077
"""The rights that group and others have not (umask(2))."""


def keep_private() -> None:
    """Take them away from all that is made from now on; what a program is told to set itself stays as told."""
    os.umask(OTHERS)
