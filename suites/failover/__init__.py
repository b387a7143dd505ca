"""The loss of one side."""
