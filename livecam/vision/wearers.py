"""What is learnt about each followed face, for as long as it is seen now and then."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 4


class Wearers(Generic[T]):
    """Keeps a few of them by track; the one not seen for longest makes room for a new one. One thread.

    Args:
        make: Makes what is known of a face that was never seen.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: OrderedDict[int, T] = OrderedDict()

    def __getitem__(self, track_id: int) -> T:
        """What is known of the face with that track."""
        if track_id not in self._known:
            self._known[track_id] = self._make()
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        self._known.move_to_end(track_id)
        return self._known[track_id]

    def clear(self) -> None:
        """Forget them all."""
        self._known.clear()
