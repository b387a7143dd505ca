"""What pairs, and the harness around them, cost in time."""
