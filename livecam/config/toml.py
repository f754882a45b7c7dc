"""TOML of unknown origin, in bounded time: Python's parser takes hours for one key of half a million dots."""

import tomllib
from typing import Final

MOST_DOTS: Final = 64
"""In one line. A key of n parts costs the parser n * n steps; nothing that livecam reads has more than three."""


def parse_toml(text: str) -> dict[str, object]:
    """What `text` says.

    Raises:
        ValueError: It is not TOML, or nested or dotted as no file of livecam's is; the words end a sentence.
    """
    dotted = next((number for number, line in enumerate(text.split("\n"), 1) if line.count(".") > MOST_DOTS), 0)
    if dotted:
        raise ValueError(f"line {dotted} has more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
