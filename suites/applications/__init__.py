"""Real software in the guest, and what its clients see of the loss of a side."""
