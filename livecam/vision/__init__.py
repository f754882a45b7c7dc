"""Faces: finding, following, watching over and swapping them. No file, no device, no backend."""
