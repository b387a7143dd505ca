"""Every documented variant of the set-up."""
