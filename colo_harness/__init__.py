"""Boot, break and judge QEMU COLO pairs."""
