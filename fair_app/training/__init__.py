"""Examples, the dual loss and the trainer."""
