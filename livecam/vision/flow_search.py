"""Where every px of a face in the network's grey square has gone since the last frame."""

from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Box
from livecam.core.frame import Image
from livecam.vision.mesh.landmarks import SIDE

# Dense inverse search (Kroeger et al. 2016) on half the resolution of the network's square, in one scale, patches of
# 8 px every 6 px, then variational refinement. Patches are compared with their means taken out, as that class does by
# itself: without, 0.069 % of the face's height off the flow of the full frame on d18 becomes 1.2 when a lamp makes the
# picture 6 levels brighter.
_PATCH, _STRIDE = 8, 6
# It is looked for where the face was and about this far around it, px of the halved square: in all of the square but a
# rim it took a fifth longer, for landmarks that slide and tremble no less (measured).
_MARGIN: Final = 2
_FEWEST: Final = 4
_HALF: Final = SIDE // 2
# A patch finds what has moved by up to 2 or 3 px. So where faces differ by more than this share of their contrast (on 5
# frames of 100 on d18, 29 on s32, 96 on d12), it is first looked up where most of the face has gone, and the flow is
# what is left.
_MUCH: Final = 0.1
# Steps of each patch: with 6 the error of the flow in motion is 0.5 % more, with 5 it is 2 %, with 12 it is 0.2 % less.
_STEPS: Final = 8
# What the one step of refinement weighs: an even flow, gradients against levels, and from where on a difference counts
# less than by its square, levels. With OpenCV's 20, 10 and 0.01, small differences are no squares, and it takes patches
# every 5 px and two steps for landmarks that slide and lag no less (measured).
_EVEN_WEIGHT, _GRADIENT_WEIGHT, _SQUARE_BELOW = 30.0, 5.0, 0.3
# A lamp that makes the middle of the face lighter or darker by so many levels is taken out first; and how much of the
# face's width and height lies beside that middle on each side. Of less, most is what the face's own motion makes.
_LAMP, _RIM = 2, 1 / 3
# Looked up for the middle of the face, at half the resolution once more; and how far it can have gone there.
_CORE, _REACH, _COARSER = 12, 6, 2

Ways: TypeAlias = npt.NDArray[np.float32]


class Flow(NamedTuple):
    """How far a face has moved in the halved square.

    Attributes:
        ways: (h, w, 2) f32 px: of each px of a part of the square, beside the way of all of it.
        left: Where that part is, px.
        top: px.
        right: What all of it has gone by, px.
        down: px.
    """

    ways: Ways
    left: int
    top: int
    right: int = 0
    down: int = 0


class FlowSearch:
    """Finds the flow from one halved grey square to the next. Owns its memory; one call at a time."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(0)
        self._search.setCoarsestScale(0)
        self._search.setPatchSize(_PATCH)
        self._search.setPatchStride(_STRIDE)
        self._search.setGradientDescentIterations(_STEPS)
        self._search.setVariationalRefinementIterations(1)
        self._search.setVariationalRefinementAlpha(_EVEN_WEIGHT)
        self._search.setVariationalRefinementGamma(_GRADIENT_WEIGHT)
        self._search.setVariationalRefinementEpsilon(_SQUARE_BELOW)

    def __call__(self, old: Image, new: Image, face: Box) -> Flow:
        """The flow from one halved grey square to the next, (96, 96) u8 both.

        Args:
            old: That of the last frame.
            new: That of this one.
            face: Where the face is in `old`, px.
        """
        (left, width), (top, height) = _part(face.x1, face.x2), _part(face.y1, face.y2)
        old_face, new_face = (half[top : top + height, left : left + width] for half in (old, new))
        contrast = cv2.meanStdDev(new_face)[1].item()
        if cv2.norm(old_face, new_face, cv2.NORM_L1) <= _MUCH * contrast * new_face.size:
            return Flow(self._between(old_face, new_face), left, top)
        right, down = _gone(old, new)
        x, y = min(max(left + right, 0), _HALF - width), min(max(top + down, 0), _HALF - height)
        ways = self._between(old_face, new[y : y + height, x : x + width])
        return Flow(ways, left, top, x - left, y - top)

    def _between(self, old: Image, new: Image) -> Ways:
        # Patches are compared without their means, refinement takes levels as they are.
        down, right = (round(_RIM * side) for side in new.shape)
        lighter = round(cv2.mean(new[down:-down, right:-right])[0] - cv2.mean(old[down:-down, right:-right])[0])
        old = cv2.add(old, (lighter, 0, 0, 0)) if abs(lighter) >= _LAMP else old  # type: ignore[call-overload]
        # It takes nothing but arrays without gaps.
        return self._search.calc(np.ascontiguousarray(old), np.ascontiguousarray(new), None)  # type: ignore[call-overload,no-any-return]


def _part(low: float, high: float) -> tuple[int, int]:
    """Where to begin along one axis, and how many px to take, so that patches just fill them."""
    patches = round((high - low + 2 * _MARGIN - _PATCH) / _STRIDE)
    count = _PATCH + _STRIDE * min(max(patches, _FEWEST), (_HALF - _PATCH) // _STRIDE)
    return min(max(round((low + high - count) / 2), 0), _HALF - count), count


def _gone(old: Image, new: Image) -> tuple[int, int]:
    """How far the middle of the face has gone between two halved squares: px to the right and down, even numbers."""
    coarse = _HALF // _COARSER
    before, now = (cv2.resize(half, (coarse, coarse), interpolation=cv2.INTER_AREA) for half in (old, new))
    first, last = (coarse - _CORE) // 2, (coarse + _CORE) // 2
    around = slice(first - _REACH, last + _REACH)
    likeness = cv2.matchTemplate(now[around, around], before[first:last, first:last], cv2.TM_CCOEFF_NORMED)
    x, y = cv2.minMaxLoc(likeness)[3]
    return (x - _REACH) * _COARSER, (y - _REACH) * _COARSER
