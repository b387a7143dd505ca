"""The disk on both sides."""
