"""The claims of COLO, by area."""
