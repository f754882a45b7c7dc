"""Hands before the face: found, followed, and left to be seen."""
