"""Colour matching: a swapped face takes on the colours of the face it covers, steadily over time.

`measured` and `ColourMemory` work from small means and know of no image: where crops never leave a graphics card,
livecam/canvas/kernels/colour.cuh does the same arithmetic, and the memory stays here.
"""

from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_S, Image

SIDE: Final = 32
"""Statistics are taken over this many cells a side: what is finer is texture and camera noise, not colour."""

# Lightness, blue against yellow, red against green, as an orthonormal turn of B, G, R: what l-alpha-beta space
# (Reinhard et al. 2001; Ruderman et al. 1998) is to log cone responses. Lab itself is not linear in the picture's own
# values, so each pixel would have to go there and back (2.8 ms at 512 px); here both ways and the transfer between
# them are one 3x4 matrix (0.13 ms). On faces the two agree within a few levels: see tests/vision/test_color.py.
_OPPONENT: Final = np.array(
    [
        [3**-0.5, 3**-0.5, 3**-0.5],
        [-2 * 6**-0.5, 6**-0.5, 6**-0.5],
        [0.0, -(2**-0.5), 2**-0.5],
    ]
)
_GAIN: Final = (0.7, 1.4)
_FARTHEST_LEVELS: Final = 64.0
# Added to both spreads: a face without contrast keeps its own.
_LEAST_SPREAD: Final = 2.0
_LEAST_WEIGHT: Final = 4.0
_TIME_CONSTANT_S: Final = 0.4
_LONGEST_GAP_S: Final = 0.5
# A change of this many levels is noise; from that many on it is another light, which is followed at once.
_CALM, _JUMP = 4.0, 16.0

# Where every template puts skin, eyes and mouth: middle and half axes, of the crop's side. Hair and wall count less
# than they show, since the swapper leaves them as they are.
_MIDDLE, _AXES = (0.5, 0.58), (0.30, 0.36)

Vector = npt.NDArray[np.float64]
Means = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


class Transfer(NamedTuple):
    """What is done to each opponent channel y: ``gain (y - middle) + middle + shift``.

    Attributes:
        gain: (3,) logarithms.
        shift: (3,) levels.
        middle: (3,) levels: the mean of the swapped face.
    """

    gain: Vector
    shift: Vector
    middle: Vector

    def towards(self, fresh: "Transfer", share: float) -> "Transfer":
        """`share` of the way from this to `fresh`."""
        return Transfer(*(old + share * (new - old) for old, new in zip(self, fresh, strict=True)))

    def matrix(self, strength: float) -> Vector:
        """(3, 4) f64: what is done to B, G, R, 1."""
        gain = np.exp(strength * self.gain)
        offset = (1 - gain) * self.middle + strength * self.shift
        return np.column_stack([_OPPONENT.T @ (gain[:, None] * _OPPONENT), _OPPONENT.T @ offset])


class ColourMemory:
    """What is known of the colours of one followed face. One thread.

    Attributes:
        transfer: What was used last; None where nothing is known.
    """

    def __init__(self) -> None:
        self.transfer: Transfer | None = None
        self._last_ns = 0

    def calm(self, captured_ns: int) -> float:
        """How far to follow a small change in a frame captured then, 0..1; 1 means to start afresh."""
        step_s = (captured_ns - self._last_ns) / NS_PER_S
        if self.transfer is None or not 0 <= step_s <= _LONGEST_GAP_S:
            return 1.0
        return float(1 - np.exp(-step_s / _TIME_CONSTANT_S))

    def follow(self, fresh: Transfer, captured_ns: int) -> None:
        """Go from what is known towards what one frame asks for."""
        calm = self.calm(captured_ns)
        if self.transfer is not None and calm < 1.0:
            change = float(np.abs(_OPPONENT.T @ (fresh.shift - self.transfer.shift)).max())
            fresh = self.transfer.towards(fresh, float(np.interp(change, (_CALM, _JUMP), (calm, 1.0))))
        self.keep(fresh, captured_ns)

    def keep(self, transfer: Transfer, captured_ns: int) -> None:
        """Take `transfer` as what was used for a frame captured then."""
        self.transfer, self._last_ns = transfer, captured_ns

    def reset(self) -> None:
        """Forget everything: another face, another persona, or the source was opened again."""
        self.transfer = None


class ColourMatcher:
    """Moves a swapped crop's colours to those of the wearer's: mean and spread of each opponent channel.

    One for each followed face. The transfer is smoothed over real time, so that it adds no flicker; when the light has
    jumped, and after a gap, it is taken afresh. Owns its state and working memory; one thread.
    """

    def __init__(self) -> None:
        self._memory = ColourMemory()
        self._small = (np.empty((SIDE, SIDE, 3), np.uint8), np.empty((SIDE, SIDE, 3), np.uint8))
        self._mask = np.empty((SIDE, SIDE), np.uint8)

    def __call__(self, swapped: Image, original: Image, mask: Image, captured_ns: int, strength: float = 1.0) -> None:
        """Match `swapped` in place.

        Args:
            swapped: (S, S, 3) u8 BGR, the persona's face.
            original: (R, R, 3) u8 BGR, the same crop of the wearer, at any size.
            mask: (M, M) u8 of the same crop, at any size: what counts as face. Where it is empty nothing is learnt,
                and the crop stays as it is if nothing was known before.
            captured_ns: When the frame was captured.
            strength: 0..1; 0 changes nothing.
        """
        if strength <= 0:
            return
        for image, small in zip((swapped, original, mask), (*self._small, self._mask), strict=True):
            cv2.resize(image, (SIDE, SIDE), dst=small, interpolation=cv2.INTER_AREA)
        fresh = measured(*self._small, self._mask)
        if fresh is not None:
            self._memory.follow(fresh, captured_ns)
        if self._memory.transfer is not None:
            cv2.transform(swapped, self._memory.transfer.matrix(min(strength, 1.0)), dst=swapped)

    def reset(self) -> None:
        """Forget everything: another face, another persona, or the source was opened again."""
        self._memory.reset()


def measured(swapped: Means, original: Means, mask: Means) -> Transfer | None:
    """The transfer that one pair of crops asks for, within bounds; None when there is hardly any face in them.

    Args:
        swapped: (SIDE, SIDE, 3) levels B, G, R: means of the persona's crop.
        original: Likewise, of the wearer's.
        mask: (SIDE, SIDE) levels: means of what counts as face.
    """
    weight: Vector = mask.reshape(-1) * OVAL
    if weight.sum() < _LEAST_WEIGHT:
        return None
    (middle, spread), (wanted, wanted_spread) = (_moments(means, weight) for means in (swapped, original))
    gain = np.clip((wanted_spread + _LEAST_SPREAD) / (spread + _LEAST_SPREAD), *_GAIN)
    levels = np.clip(_OPPONENT.T @ (wanted - middle), -_FARTHEST_LEVELS, _FARTHEST_LEVELS)
    return Transfer(np.log(gain), _OPPONENT @ levels, middle)


def _moments(means: Means, weight: Vector) -> tuple[Vector, Vector]:
    """Mean and standard deviation, (3,) f64 each, of the opponent channels of `means`, weighted."""
    values = means.reshape(-1, 3) @ _OPPONENT.T
    share = weight / weight.sum()
    mean: Vector = share @ values
    values -= mean
    spread: Vector = np.sqrt(share @ (values * values))
    return mean, spread


def _oval() -> Vector:
    """(SIDE * SIDE,) f64: weight of each cell, 1 / 255 inside the face's oval, falling to 0 outside."""
    places = (np.arange(SIDE) + 0.5) / SIDE
    x, y = ((places - middle) / axis for middle, axis in zip(_MIDDLE, _AXES, strict=True))
    radius = np.hypot(x[None, :], y[:, None])
    weight: Vector = np.clip((1.2 - radius) / 0.4, 0, 1).reshape(-1) / 255
    weight.flags.writeable = False
    return weight


OVAL: Final = _oval()
"""(SIDE * SIDE,) f64, read-only: how much each cell counts, for mask levels of 0..255."""
