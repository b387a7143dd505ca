"""Block replication without a guest: two bare QEMUs, the disks of both sides, and what their guests would do to them."""
