"""Self-tests that users run: what a program at the other end of the virtual camera really gets."""
