"""Damage to files that is damage whatever they hold: many are sealed, and their bytes come by chance."""

from pathlib import Path


def damaged(content: bytes) -> bytes:
    """`content` with one bit of its last byte turned over."""
    return content[:-1] + bytes([content[-1] ^ 1])


def damage(path: Path) -> None:
    """Turn over one bit of the last byte of the file."""
    path.write_bytes(damaged(path.read_bytes()))
