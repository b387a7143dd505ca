"""What clients do to the guest."""
