"""COLO's proxy without a guest: its objects in a bare QEMU, frame by frame."""
