"""What may leave, and what is shown instead."""
