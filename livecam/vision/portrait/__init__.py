"""Portraits of nobody: faces drawn by arithmetic from the canonical face mesh, with no photo material at all."""
