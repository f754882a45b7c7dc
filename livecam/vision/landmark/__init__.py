"""Published landmarkers: one family of cropping and reading a file."""
