"""What is learnt about each followed face, for as long as it is seen now and then."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 4


class Wearers(Generic[T]):
    """Keeps a few of them by track, or by track and persona; the one not seen for longest makes room. One thread.

    Args:
        make: Makes what is known of a face that was never seen.
        most: How many are kept.
    """

    def __init__(self, make: Callable[[], T], most: int = _MOST) -> None:
        self._make = make
        self._most = most
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def __getitem__(self, track_id: Hashable) -> T:
        """What is known of the face with that track."""
        if track_id not in self._known:
            self._known[track_id] = self._make()
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(track_id)
        return self._known[track_id]

    def clear(self) -> None:
        """Forget them all."""
        self._known.clear()
