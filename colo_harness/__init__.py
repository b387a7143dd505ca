"""Boot, break and judge QEMU COLO pairs."""

__version__ = "0.1.0"
