"""Gives the persona's skin the wearer's light: a smooth field of gains and offsets, one of each for each colour."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image
from livecam.vision.step import STEP, Step

SIDE = 32
"""Side of the light grid, cells. It spans the face, whatever the face's size."""

_SIGMA = 0.14
_GAIN = (0.12, 3.0)
_FLOOR = 4.0
_LEAST_WEIGHT = 1e-3
# The field follows slowly where it hardly changes, so that it does not flicker, and the faster the more it does: light
# that moves over the face must not trail behind. Of a still face it changes by 0.001 a frame, of one that turns and
# speaks by 0.01. When it has jumped as a whole (a cut, a lamp, another window on the wearer's screen), it follows at
# once: a field that lags behind a flash shows as wrong colours for many frames. Shares are of a thirtieth of a second.
_FOLLOW, _HURRY = 0.06, 0.6
_REST, _MOVING = 0.008, 0.05
_CALM, _JUMP = 0.05, 0.15

Field = npt.NDArray[np.float32]
"""(SIDE, SIDE, 3) f32: values for blue, green and red."""


def _neighbours() -> Field:
    """(SIDE, SIDE) f32: how much each cell counts for each along an axis: a Gaussian, as far as 4 of its sigmas."""
    reach, sigma = round(4 * _SIGMA * SIDE), _SIGMA * SIDE
    weights = np.exp(-((np.arange(-reach, reach + 1, dtype=np.float32) / np.float32(sigma)) ** 2) / 2)
    steps = np.arange(SIDE)
    apart = steps[:, None] - steps
    counts: Field = weights[np.clip(apart, -reach, reach) + reach] * (np.abs(apart) <= reach) / weights.sum()
    return counts


_NEIGHBOURS = _neighbours()


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
        # Plane by plane: the persona's three colours times weight, the wearer's, and the weight.
        self._sums = np.empty((7, SIDE, SIDE), dtype=np.float32)
        self._across, self._blurred = np.empty_like(self._sums), np.empty_like(self._sums)

    def __call__(self, persona: Image, wearer: Image, weight: Field, step: Step = STEP) -> Light:
        """What makes `persona` look as lit as `wearer`.

        The ratio of the two, each averaged over its neighbourhood by weight: shading and skin tone come over, while
        features finer than the neighbourhood (brows, lips, the persona's own) do not.

        Args:
            persona: (SIDE, SIDE, 3) u8, the face about to be painted.
            wearer: (SIDE, SIDE, 3) u8, the face it will cover.
            weight: (SIDE, SIDE) f32, 0..1: where both show skin.
            step: The time since the last frame.

        Returns:
            New arrays; all ones and zeros of a face without weight.
        """
        shown, covered = self._means(persona, wearer, weight)
        ratio = (covered + np.float32(_FLOOR)) / (shown + np.float32(_FLOOR))
        fresh = np.minimum(np.maximum(ratio, np.float32(_GAIN[0])), np.float32(_GAIN[1]))
        if self._field is None or self._shown is None:
            self._field, self._shown = fresh, shown.copy()
        else:
            for part in step.parts():
                share = _follow(self._field, fresh, weight, part)
                self._field += share * (fresh - self._field)
                self._shown += share * (shown - self._shown)
        gain = np.sqrt(self._field)
        gains, offsets = (
            np.ascontiguousarray(each.transpose(1, 2, 0)) for each in (gain, self._shown * (self._field - gain))
        )
        return Light(gains, offsets)

    def _means(self, persona: Image, wearer: Image, weight: Field) -> tuple[Field, Field]:
        """(3, SIDE, SIDE) f32 each: both images averaged over each cell's neighbourhood by `weight`."""
        for planes, image in ((self._sums[:3], persona), (self._sums[3:6], wearer)):
            np.multiply(image.transpose(2, 0, 1), weight, out=planes)
        self._sums[6] = weight
        np.matmul(self._sums, _NEIGHBOURS, out=self._across)
        np.matmul(_NEIGHBOURS, self._across, out=self._blurred)
        means = self._blurred[:6] / (self._blurred[6] + np.float32(_LEAST_WEIGHT))
        return means[:3], means[3:]


def _follow(field: Field, fresh: Field, weight: Field, step: Step) -> Field:
    """(SIDE, SIDE) f32: how much of the way to `fresh` each cell takes, by its own change and by the mean one."""
    # Both ends are for this step, and what lies between them is between: a power for each cell would cost more.
    follow, hurry = (step.share(step.loosened(share)) for share in (_FOLLOW, _HURRY))
    change = np.add.reduce(np.abs(fresh / field - 1), axis=0) / 3
    jump = float((change * weight).sum() / (weight.sum() + np.float32(_LEAST_WEIGHT)))
    # What has jumped passes at once, however short a frame is.
    least = min(max((jump - _CALM) / (_JUMP - _CALM), 0.0), 1.0)
    moving = np.minimum(np.maximum((change - _REST) / (_MOVING - _REST), 0), 1)
    share: Field = np.maximum(follow + (hurry - follow) * moving, np.float32(least))
    return share
