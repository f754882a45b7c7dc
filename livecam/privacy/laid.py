"""Which pictures carry the invisible mark already: those that a graphics card marked before they came down."""

import threading
from typing import Final

from livecam.core.frame import Picture

_MOST: Final = 16
"""Pictures that are noted at once; a run has a few slots."""


class Laid:
    """Notes which memory holds a marked picture. Any thread.

    Several processors may mark pictures at once: the one that serves, and one that is tried out on copies. So it is
    noted by the memory that a picture lies in, which no two of them share.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[int, None] = {}

    def note(self, picture: Picture) -> None:
        """`picture` is marked."""
        with self._lock:
            self._places[_place(picture)] = None
            while len(self._places) > _MOST:
                del self._places[next(iter(self._places))]

    def forget(self, picture: Picture) -> bool:
        """Whether `picture` was noted; it is not any more: its memory may be written anew."""
        with self._lock:
            noted = _place(picture) in self._places
            self._places.pop(_place(picture), None)
        return noted


def _place(picture: Picture) -> int:
    return picture.ctypes.data
