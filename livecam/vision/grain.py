"""Gives a painted face the grain of the camera, so that it does not lie on the noisy picture like a sticker.

The grain stands still in the frame: grain made anew for every frame would look a little more like a sensor's, and would
undo what the swap gains in steadiness. How strong it is, is measured on the wearer's own skin.
"""

from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.step import STEP, Looks, Step

# The pattern repeats after so many px; areas up to this size, wherever they lie, are one view of it.
_PERIOD, LARGEST = 512, 1024
_MIDDLE = 128
# Of the pattern: its strength in levels, and its softness; a sensor's noise comes through demosaicing and compression.
_SIGMA, _SOFT = 24.0, 0.8
# Compression takes the finest noise away and leaves what is seen: it is told on an image of half the size.
_HALF = 2
# Of a Laplacian that ignores planes (Immerkaer 1996): the mean of its absolute over white noise of sigma 1.
_WHITE: Final = 6.0 * float(np.sqrt(2 / np.pi))
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
# Noise is told on blocks of so many px of that; features and beards are in the noisier ones.
_BLOCK, _QUIET_SHARE, _FEWEST_BLOCKS = 8, 40.0, 8
_INSIDE = 250
# Measured every so many frames. The strength is that of the first measurement, later follows by this share in so many
# thirtieths of a second, and stays as it is until it is wrong by so much: each change of it is a change of the picture.
_EVERY, _FOLLOW, _HOLD = 8, 0.3, 0.15
# Fainter grain is left out: nobody sees it, and anything fixed costs steadiness as the flow-warp error has it (0.15 of
# the camera's own, 0.20 with grain of 0.4, on a still face and noise at 720p; from frame to frame nothing changes).
_FAINT, _STRONGEST = 0.6, 6.0


class GrainPattern:
    """A pattern of noise with the strength of one level, as seen by `noise_of`. Never changes."""

    def __init__(self) -> None:
        white = np.random.default_rng(1).normal(0, 1, (_PERIOD, _PERIOD))
        tiled = np.tile(white, (3, 3)).astype(np.float32)
        soft = cv2.GaussianBlur(tiled, (0, 0), _SOFT)
        tile = soft[_PERIOD : 2 * _PERIOD, _PERIOD : 2 * _PERIOD]
        levels = np.clip(np.rint(tile / tile.std() * _SIGMA + _MIDDLE), 0, 255).astype(np.uint8)
        side = (_PERIOD + LARGEST) // _PERIOD
        self._image = np.tile(levels, (side, side))
        self.per_level = 1 / _mean_noise(levels)

    def at(self, left: int, top: int, shape: tuple[int, ...]) -> Image:
        """(h, w) u8 around 128, read only: the pattern under an area of `shape` at these px of the frame."""
        row, column = top % _PERIOD, left % _PERIOD
        view: Image = self._image[row : row + shape[0], column : column + shape[1]]
        return view


class Grain:
    """The grain of one wearer's picture over time. One thread.

    Args:
        pattern: Shared by all.
        share: 0..1, how much of the missing grain is added.
    """

    def __init__(self, pattern: GrainPattern, share: float) -> None:
        self._pattern = pattern
        self._share = share
        self._wide = np.empty(0, np.uint8)
        self._looks = Looks(_EVERY)
        self.reset()

    def reset(self) -> None:
        """Forget how strong it is."""
        self.renew()
        self._count, self._shown = 0, 0.0

    def renew(self) -> None:
        """The new face is another. It is measured in its third frame: a switch must not make the first one late."""
        self._strength: float | None = None
        self._count = -2
        self._looks.begin()

    def __call__(self, painted: Image, wearer: Image, alpha: Image, left: int, top: int, step: Step = STEP) -> None:
        """Add what grain `painted`, (h, w, 3) u8, lacks; in place.

        Args:
            painted: The new face.
            wearer: (h', w', 3) u8, what it will cover; the frame may end before the new face does.
            alpha: (h, w) u8: where the new face shows.
            left: Of all three, px of the frame.
            top: Likewise.
            step: The time since the last frame. The steadiness does not count, as this is neither light nor colour.
        """
        if self._share <= 0 or max(painted.shape[:2]) > LARGEST:
            return
        self._looks.wait(step)
        if self._count % _EVERY == 0:
            follow = self._looks.taken().share(_FOLLOW, _EVERY)
            self._measure(painted[: wearer.shape[0], : wearer.shape[1]], wearer, alpha, follow)
        self._count += 1
        if self._shown < _FAINT:
            return
        if self._wide.size < painted.size:
            self._wide = np.empty(painted.size * 5 // 4, np.uint8)
        wide = self._wide[: painted.size].reshape(painted.shape)
        cv2.cvtColor(self._pattern.at(left, top, painted.shape), cv2.COLOR_GRAY2BGR, dst=wide)
        weight = self._shown * self._pattern.per_level
        cv2.addWeighted(painted, 1.0, wide, weight, -_MIDDLE * weight, dst=painted)

    def _measure(self, painted: Image, wearer: Image, alpha: Image, follow: float) -> None:
        """Note how strong the missing grain is; what is known goes to that by this share."""
        inside = alpha[: wearer.shape[0], : wearer.shape[1]]
        own, new = noise_of(wearer, inside), noise_of(painted, inside)
        if own is None or new is None:
            return
        missing = min(_STRONGEST, self._share * float(np.sqrt(max(0.0, own**2 - new**2))))
        old = missing if self._strength is None else self._strength
        self._strength = old + follow * (missing - old)
        if abs(self._strength - self._shown) > _HOLD * max(self._shown, _FAINT):
            self._shown = self._strength


def noise_of(image: Image, inside: Image) -> float | None:
    """Noise of `image`, (h, w, 3) u8, at half its size: levels; None where too little of it is to be judged.

    Args:
        image: What is judged.
        inside: (h, w) u8: only where this is full.
    """
    rows, columns = (side // (_HALF * _BLOCK) for side in image.shape[:2])
    if min(rows, columns) < 1:
        return None
    whole = np.s_[: rows * _HALF * _BLOCK, : columns * _HALF * _BLOCK]
    blocks = cv2.resize(inside[whole], (columns, rows), interpolation=cv2.INTER_AREA)
    fine = _laplacian(cv2.cvtColor(image[whole], cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False))
    values = cv2.resize(fine, (columns, rows), interpolation=cv2.INTER_AREA)[blocks >= _INSIDE]
    return float(np.percentile(values, _QUIET_SHARE)) / _WHITE if len(values) >= _FEWEST_BLOCKS else None


def _mean_noise(image: Image) -> float:
    """The same of a whole (h, w) u8 pattern."""
    return float(_laplacian(image).mean()) / _WHITE


def _laplacian(grey: Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(h / 2, w / 2) f32: absolute second differences of (h, w) u8 at half its size."""
    half = cv2.resize(grey, (grey.shape[1] // _HALF, grey.shape[0] // _HALF), interpolation=cv2.INTER_AREA)
    return np.abs(cv2.filter2D(half, cv2.CV_32F, _LAPLACIAN))
