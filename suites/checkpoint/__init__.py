"""When checkpoints happen and what they carry."""
