"""Block replication without a guest: two bare QEMUs, both sides' disks, and what guests would do to them."""
