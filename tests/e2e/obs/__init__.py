"""A real OBS on a screen that nobody sees."""
