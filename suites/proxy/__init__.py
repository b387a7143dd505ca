"""Packets mirrored, compared and rewritten."""
