"""Self-tests of the harness: seconds, no QEMU pair."""
