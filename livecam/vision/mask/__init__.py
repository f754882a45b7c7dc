"""Masks of a crop: which part of a swapped face is shown, and which part of the wearer's own stays."""
