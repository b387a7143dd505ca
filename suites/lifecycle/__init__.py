"""How a pair starts, what it says of itself, and how it ends."""
