"""The pair: two QEMUs that replicate one guest."""
