"""Widths of a stand-in that is narrower than the published network."""

from typing import Final

from livecam.bench.standins.graph import DIVISOR, MARK


def narrow(channels: int, divisor: int, least: int = 2) -> int:
    """`channels` over `divisor`, but at least `least`."""
    return max(least, channels // divisor)


def about(divisor: int) -> dict[str, str]:
    """Metadata of a stand-in that has a published network's layers."""
    return {f"{MARK}.kind": "network", DIVISOR: str(divisor)}


PLANTED: Final = {f"{MARK}.kind": "planted"}
"""Metadata of a stand-in whose effect is known, and whose cost says nothing."""
