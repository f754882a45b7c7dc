"""Gives the persona's skin the wearer's light: a smooth field of gains and offsets, one of each for each colour."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image

SIDE = 32
"""Side of the light grid, cells. It spans the face, whatever the face's size."""

_SIGMA = 0.14
_GAIN = (0.12, 3.0)
_FLOOR = 4.0
_LEAST_WEIGHT = 1e-3
# The field follows slowly where it hardly changes, so that it does not flicker, and the faster the more it does: light
# that moves over the face must not trail behind. Of a still face it changes by 0.001 a frame, of one that turns and
# speaks by 0.01. When it has jumped as a whole (a cut, a lamp, another window on the wearer's screen), it follows at
# once: a field that lags behind a flash shows as wrong colours for many frames.
_FOLLOW, _HURRY = 0.06, 0.6
_REST, _MOVING = 0.008, 0.05
_CALM, _JUMP = 0.05, 0.15

Field = npt.NDArray[np.float32]
"""(SIDE, SIDE, 3) f32: values for blue, green and red."""


class Light(NamedTuple):
    """How to light a persona: each colour times `gain` plus `offset`.

    Where the light asks for a gain g, its mean colour m gets it all, and what differs from m only g to the power of a
    half: ``x sqrt(g) + m (g - sqrt(g))``. Gains of 2 and more would else make burnt patches of the photo's noise and
    shadows (seen on a dark persona on a fair wearer; 6 % less flicker in motion).

    Attributes:
        gain: Factor on the contrast.
        offset: 8-bit levels.
    """

    gain: Field
    offset: Field


class Relighter:
    """The field of one wearer with one persona, over time. Owns its state; one thread."""

    def __init__(self) -> None:
        self._field: Field | None = None
        self._shown: Field | None = None
        self._sums = np.empty((SIDE, SIDE, 4), dtype=np.float32)
        self._blurred = (np.empty_like(self._sums), np.empty_like(self._sums))

    def __call__(self, persona: Image, wearer: Image, weight: Field) -> Light:
        """What makes `persona` look as lit as `wearer`.

        The ratio of the two, each averaged over its neighbourhood by weight: shading and skin tone come over, while
        features finer than the neighbourhood (brows, lips, the persona's own) do not.

        Args:
            persona: (SIDE, SIDE, 3) u8, the face about to be painted.
            wearer: (SIDE, SIDE, 3) u8, the face it will cover.
            weight: (SIDE, SIDE) f32, 0..1: where both show skin.

        Returns:
            New arrays; all ones and zeros of a face without weight.
        """
        shown, covered = (self._mean(*pair, weight) for pair in zip((persona, wearer), self._blurred, strict=True))
        fresh = np.clip((covered + np.float32(_FLOOR)) / (shown + np.float32(_FLOOR)), *_GAIN)
        if self._field is None or self._shown is None:
            self._field, self._shown = fresh, shown
        else:
            share = _follow(self._field, fresh, weight)
            self._field += share * (fresh - self._field)
            self._shown += share * (shown - self._shown)
        gain = np.sqrt(self._field)
        return Light(gain, self._shown * (self._field - gain))

    def _mean(self, image: Image, out: Field, weight: Field) -> Field:
        """(SIDE, SIDE, 3) f32: `image` averaged over each cell's neighbourhood by `weight`."""
        np.multiply(image, weight[:, :, None], out=self._sums[:, :, :3])
        self._sums[:, :, 3] = weight
        cv2.GaussianBlur(self._sums, (0, 0), _SIGMA * SIDE, dst=out, borderType=cv2.BORDER_CONSTANT)
        mean: Field = out[:, :, :3] / (out[:, :, 3:] + np.float32(_LEAST_WEIGHT))
        return mean


def _follow(field: Field, fresh: Field, weight: Field) -> Field:
    """(SIDE, SIDE, 1) f32: how much of the way to `fresh` each cell takes, by its own change and by the mean one."""
    change = np.abs(fresh / field - 1).mean(axis=2)
    jump = float((change * weight).sum() / (weight.sum() + np.float32(_LEAST_WEIGHT)))
    least = np.interp(jump, (_CALM, _JUMP), (0.0, 1.0))
    own = np.interp(change, (_REST, _MOVING), (_FOLLOW, _HURRY))
    share: Field = np.maximum(own, least).astype(np.float32)[:, :, None]
    return share
