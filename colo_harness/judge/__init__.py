"""What a recorded history proves."""
