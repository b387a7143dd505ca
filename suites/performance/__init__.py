"""What COLO costs: figures, and whether they are measurements."""
