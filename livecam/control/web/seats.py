"""How many endless answers one browser may have: browsers open six connections to a server, for all tabs together.

Were all of them taken by streams, a click on panic would wait for ever. So a new stream takes the oldest one's seat.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

EVENTS: Final = 3
PREVIEWS: Final = 2
"""For one browser; together one less than the connections it may open."""

PICTURES: Final = 6
"""For all programs that show nothing but the picture."""

MOST: Final = 24
"""For all browsers."""


class Seats:
    """Who holds an endless answer of one kind. Belongs to an event loop.

    Args:
        each: Seats for one browser.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: list[tuple[str, asyncio.Event]] = []

    @contextmanager
    def taken(self, browser: str) -> Iterator[asyncio.Event]:
        """A seat for the length of the block, which has to end soon after the event is set."""
        over = asyncio.Event()
        counted = Counter(name for name, _ in self._taken)
        if counted[browser] >= self._each:
            self._send_off(browser)
        elif len(self._taken) >= MOST:
            self._send_off(self._taken[0][0])
        seat = (browser, over)
        self._taken.append(seat)
        try:
            yield over
        finally:
            if seat in self._taken:
                self._taken.remove(seat)

    def clear(self) -> None:
        """Send everybody off."""
        for _, over in self._taken:
            over.set()

    def _send_off(self, browser: str) -> None:
        oldest = next(seat for seat in self._taken if seat[0] == browser)
        self._taken.remove(oldest)
        oldest[1].set()
