"""One QEMU: its release, contract, monitor and guests."""
