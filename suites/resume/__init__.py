"""A pair again after a failover."""
