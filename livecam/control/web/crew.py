"""Threads for work that would hold up the event loop: reading photos, looking at devices, making personas ready."""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread

from livecam.errors import LivecamError

T = TypeVar("T")

MOST: Final = 32
"""Pieces of work that may wait."""


class Busy(LivecamError):
    """More was asked for than can be worked on."""


class Crew:
    """A few threads that work on what they are given. They end with the process: a piece of work may hang.

    Args:
        hands: How many.
    """

    def __init__(self, hands: int) -> None:
        self._limiter = CapacityLimiter(hands)

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, done by one of the threads.

        Raises:
            Busy: Too much waits.
        """
        if self._limiter.statistics().tasks_waiting >= MOST:
            raise Busy("The panel has too much to do.", "Try again in a moment.")
        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)
