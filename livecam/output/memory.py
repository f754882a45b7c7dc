"""A sink that keeps the last pictures in memory, for tests, scripts and measurements."""

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from livecam.core.cleared import Cleared, How
from livecam.core.frame import Picture, Size
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError
from livecam.output.checks import demand_even, fitting, no_target

MOST_KEPT = 1000


def make(spec: Spec, wish: SinkWish) -> "MemorySink":
    """Build ``memory`` or ``memory?keep=100``.

    Raises:
        ConfigError: The spec has a target or another parameter, or `keep` is not a whole number in 1..1000.
    """
    no_target(spec)
    spec.known("keep")
    keep = spec.number("keep", 1.0)
    if not (keep.is_integer() and 1 <= keep <= MOST_KEPT):
        raise ConfigError(f"keep in {spec.text!r} must be a whole number in 1..{MOST_KEPT}.")
    return MemorySink(int(keep))


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture as it was sent.

    Attributes:
        picture: (H * 3 / 2, W) u8 I420. It is the sink's memory: valid until `keep` more were sent; copy to hold it.
        seq: Of the frame it shows; -1 for the slate.
        captured_ns: Monotonic capture time of that frame.
        revision: Of the settings it was made under.
        how: What it shows.
    """

    picture: Picture
    seq: int
    captured_ns: int
    revision: int
    how: How


class MemorySink:
    """Keeps counts and the last `keep` pictures, in memory it got when it was opened.

    Args:
        keep: How many pictures to keep.

    Attributes:
        name: ``memory``.
        sent: How many pictures it was sent since it was built.
        counts: The same, by what they showed.
    """

    __slots__ = ("_free", "_kept", "_size", "counts", "keep", "name", "sent")

    def __init__(self, keep: int = 1) -> None:
        if keep < 1:
            raise ValueError(f"A memory sink keeps at least one picture, not {keep}.")
        self.name = "memory"
        self.keep = keep
        self.sent = 0
        self.counts: Counter[How] = Counter()
        self._size: Size | None = None
        self._free: deque[Picture] = deque()
        self._kept: deque[Kept] = deque()

    @property
    def last(self) -> Kept | None:
        """The newest picture, or None before the first."""
        return self._kept[-1] if self._kept else None

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The last pictures, the newest last; at most `keep`."""
        return tuple(self._kept)

    def open(self, size: Size, fps: float) -> None:
        """Open for pictures of `size`. What was kept before is forgotten.

        Raises:
            SinkGone: A side is odd.
        """
        demand_even(size, self.name)
        self._kept.clear()
        self._free = deque(np.empty(size.picture_shape, dtype=np.uint8) for _ in range(self.keep))
        self._size = size

    def send(self, cleared: Cleared) -> None:
        """Copy one picture over the oldest."""
        picture = fitting(cleared, self._size, self.name)
        copy = self._free.popleft() if self._free else self._kept.popleft().picture
        np.copyto(copy, picture)
        self._kept.append(Kept(copy, cleared.seq, cleared.captured_ns, cleared.revision, cleared.how))
        self.counts[cleared.how] += 1
        self.sent += 1

    def close(self) -> None:
        """Take no more pictures; those kept can still be read."""
        self._size = None
