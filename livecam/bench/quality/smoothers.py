"""What other programs do against jitter, for comparison: filters put on the landmarks that a follower gives."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from livecam.core.face import Face, Landmarks, box_of
from livecam.core.frame import Image, Points
from livecam.core.seams import Follower

AVERAGED: Final = 5
"""Frames in the moving average."""

EMA_SHARE: Final = 0.5
"""What a new frame counts in the exponential moving average."""

EMA_JUMP: Final = 0.25
"""A mean way of the landmarks in face heights, from one frame to the next, at which the average starts anew."""


class Smoother(Protocol):
    """Filters the landmarks of one face, frame by frame."""

    def __call__(self, points: Points) -> Points:
        """The filtered points, (N, 3) f32 px, of `points`, which it does not change."""
        ...

    def reset(self) -> None:
        """Start anew."""
        ...


class MovingAverage:
    """The mean of the last frames."""

    def __init__(self) -> None:
        self._last: deque[Points] = deque(maxlen=AVERAGED)

    def __call__(self, points: Points) -> Points:
        """See `Smoother`."""
        self._last.append(points)
        averaged: Points = np.mean(self._last, axis=0, dtype=np.float32)
        return averaged

    def reset(self) -> None:
        """See `Smoother`."""
        self._last.clear()


class ExponentialAverage:
    """An exponential moving average of each landmark, begun anew when the face jumps."""

    def __init__(self) -> None:
        self._last: Points | None = None

    def __call__(self, points: Points) -> Points:
        """See `Smoother`."""
        last = self._last
        if last is None or _way(points - last) > EMA_JUMP * float(np.ptp(points[:, 1])):
            self._last = points
        else:
            self._last = last + np.float32(EMA_SHARE) * (points - last)
        return self._last

    def reset(self) -> None:
        """See `Smoother`."""
        self._last = None


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to keep a face steady.

    Attributes:
        name: For flags and tables.
        told: In words.
        smoother: Makes the filter put on an unsmoothed follower; None for no filter.
        own: Whether livecam's own smoothing of landmarks works, at the configured steadiness; it is off otherwise. That
            of colours works in every mode, so that modes differ by their landmarks alone.
        pack: Whether the persona's identity pack is used, where there is one and the configuration says so.
    """

    name: str
    told: str
    smoother: Callable[[], Smoother] | None = None
    own: bool = False
    pack: bool = True


NONE: Final = Mode("none", "no smoothing")
OURS: Final = Mode("ours", "livecam's own, as configured", own=True)
AVERAGE: Final = Mode("average", f"moving average of {AVERAGED} frames", MovingAverage)
EMA: Final = Mode("ema", f"exponential moving average, {EMA_SHARE:g}, begun anew on jumps", ExponentialAverage)
NO_PACK: Final = Mode("no-pack", "livecam's own, as configured, but without the identity pack", own=True, pack=False)
"""Beside `OURS`, where a pack is used; it is none that could be asked for by name."""

MODES: Final = {mode.name: mode for mode in (NONE, AVERAGE, EMA, OURS)}
"""By name, in the order in which they run; the unsmoothed one first, since the others are compared with it."""


class TracedFollower:
    """A `Follower` around another: filters the faces it gives, and remembers the wearer's.

    Args:
        inner: The real one.
        smoother: Makes a filter for each track; None for none.
        own: Whether the real one's own smoothing works.

    Attributes:
        wearer: The first face of the last frame, as drawn; None when there was none.
    """

    def __init__(self, inner: Follower, smoother: Callable[[], Smoother] | None = None, *, own: bool = False) -> None:
        self._inner = inner
        self._own = own
        self._make = smoother
        self._smoothers: dict[int, Smoother] = {}
        self.wearer: Face | None = None

    def __call__(self, image: Image, captured_ns: int, steadiness: float) -> tuple[Face, ...]:
        """See `Follower`."""
        faces = self._inner(image, captured_ns, steadiness if self._own else 0.0)
        if self._make is not None:
            self._smoothers = {face.track_id: self._smoothers.get(face.track_id) or self._make() for face in faces}
            faces = tuple(_filtered(face, self._smoothers[face.track_id]) for face in faces)
        self.wearer = faces[0] if faces else None
        return faces

    def reset(self) -> None:
        """See `Follower`."""
        self._smoothers.clear()
        self.wearer = None
        self._inner.reset()


def points_of(face: Face) -> Points:
    """(N, 3) f32 px: landmarks and depth of `face`."""
    return np.column_stack([face.landmarks.points, face.depth])


def _filtered(face: Face, smoother: Smoother) -> Face:
    points = smoother(points_of(face))
    landmarks = Landmarks(np.ascontiguousarray(points[:, :2]), face.landmarks.topology)
    return replace(face, box=box_of(points), landmarks=landmarks, depth=np.ascontiguousarray(points[:, 2]))


def _way(moved: npt.NDArray[np.float32]) -> float:
    """Mean length in the image of (N, 3) moves."""
    return float(np.sqrt((moved[:, :2] ** 2).sum(axis=1)).mean())
