"""The matrix: which claim holds on which QEMU, under which accelerator, with which guest."""
