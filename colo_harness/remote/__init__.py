"""The hosts of a pair as real machines, over ssh."""
