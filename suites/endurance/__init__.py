"""Long runs of many faults."""
