"""What four turns' mean pictures say of the invisible mark.

Of each turn's mean the mean of the other turns is taken away: what stays in front of a camera goes, the mark remains.
What moves is levelled, so that a place weighs by how little happens there; the spectrum is brought to one size
everywhere, and correlated with the signs. Signs are as often right as wrong where there is no mark, so that the
correlation, in standard deviations, says how sure it is.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.privacy.mark_code import BITS, TURNS, Code, Floats, session_in

SURE: Final = 7.0
"""Standard deviations from which on the presence layer counts as found in a whole picture, which is looked at in 64
ways: 16 moments at which the signs may have begun, and 4 cuts."""

SURE_IN_PART: Final = 9.5
"""The same for a part of a larger picture, which is searched for in more ways."""

LOOKS_WHOLE: Final = 64
LOOKS_PART: Final = 2e12
"""Ways in which a picture is looked at: more than all rectangles and moments that a search can end at."""

# Differences are levelled over a square of so many px of the canvas; still places count as moving by that share.
_LEVEL_PX, _STILL = 9, 0.05
# The spectrum is brought to one size over a square of so many coefficients, and spikes beyond so many are cut.
_WHITE_PX, _SPIKE = 15, 2.5


class Place(NamedTuple):
    """Where a picture is within a larger one, in shares of the larger one's width and height."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        score: Of the presence layer, standard deviations.
        session: Number of the session; None when its check is wrong, or another installation's key made it.
        bits: (48,) of 0 and 1: the session layer as read.
        margins: (48,) of standard deviations: how surely each was read.
        cut: Shares of the picture's width and height that seem to be left of it.
        seconds: How much was looked at.
        place: Where the picture is within a larger one; None where it is the whole.
    """

    score: float
    session: int | None
    bits: npt.NDArray[np.int8]
    margins: Floats
    cut: tuple[float, float]
    seconds: float
    place: Place | None = None

    @property
    def sure(self) -> bool:
        """Whether the mark is there."""
        return self.score >= (SURE if self.place is None else SURE_IN_PART)

    @property
    def chance(self) -> float:
        """How often a picture without the mark would score as high, at most.

        Hoeffding's bound for a sum of random signs, exp(-score^2 / 2), for each of the ways to look: it holds whatever
        is in the picture, as long as that does not depend on the signs.
        """
        looks = LOOKS_WHOLE if self.place is None else LOOKS_PART
        return min(1.0, looks * math.exp(-(max(self.score, 0.0) ** 2) / 2))


def differences(means: Sequence[Floats]) -> list[Floats]:
    """Of each turn's mean picture, without that of the other turns."""
    whole: Floats = np.sum(means, axis=0, dtype=np.float32)
    return [np.asarray(mean - (whole - mean) / (TURNS - 1), np.float32) for mean in means]


def levelled(turns: Sequence[Floats], side_px: int = _LEVEL_PX) -> list[Floats]:
    """`turns`, without what is coarse, and with one strength everywhere."""
    window = (side_px, side_px)
    fine = [np.asarray(turn - np.asarray(cv2.blur(turn, window), np.float32), np.float32) for turn in turns]
    energy = np.asarray(cv2.blur(np.sum([turn * turn for turn in fine], axis=0), window), np.float32)
    # Rounding may leave a little less than nothing; every ninth place tells the median well enough.
    moving = np.sqrt(np.maximum(energy, 0) + _STILL * float(np.median(energy[::3, ::3])) + 1e-6)
    return [np.asarray(turn / moving, np.float32) for turn in fine]


def look(
    turns: Sequence[Floats], code: Code, cut: tuple[float, float], seconds: float, place: Place | None = None
) -> Found:
    """What `turns` say, the `differences` of the four turns, each (144, 256) f32.

    Args:
        turns: Of a picture brought to the canvas.
        code: Of the installation whose sessions can be read.
        cut: See `Found`.
        seconds: See `Found`.
        place: See `Found`.
    """
    read = correlated(code, enumerate(whitened(difference) for difference in levelled(turns)))
    session = session_in(read.bits) if read.score >= (SURE if place is None else SURE_IN_PART) else None
    return Found(read.score, session, read.bits, read.margins, cut, seconds, place)


class Read(NamedTuple):
    """What spectra say.

    Attributes:
        score: Of the presence layer, in standard deviations.
        bits: (48,) of 0 and 1, as they look.
        margins: (48,) f32: how sure each is, in standard deviations.
    """

    score: float
    bits: npt.NDArray[np.int8]
    margins: Floats


def correlated(code: Code, spectra: Iterable[tuple[int, Floats]]) -> Read:
    """What `spectra` say, whitened ones, (144, 256) f32, each with the turn whose signs it may carry."""
    places, hit, power = code.layout, 0.0, 0.0
    hits, powers = np.zeros(BITS), np.zeros(BITS)
    for turn, spectrum in spectra:
        ring = spectrum.flat[places.ring]
        presence, data = ring[places.presence], ring[places.data] * code.data[turn]
        hit += float(presence @ code.presence[turn])
        power += float(presence @ presence)
        hits += np.bincount(places.bit, data, BITS)
        powers += np.bincount(places.bit, data * data, BITS)
    bits = (hits > 0).astype(np.int8)
    margins = (np.abs(hits) / np.sqrt(powers + 1e-9)).astype(np.float32)
    return Read(hit / (power + 1e-9) ** 0.5, bits, margins)


def whitened(difference: Floats) -> Floats:
    """The DCT of `difference`, (144, 256) f32, every region of it brought to one size."""
    spectrum = np.asarray(cv2.dct(difference.astype(np.float32)), np.float32)
    power = np.asarray(cv2.blur(spectrum * spectrum, (_WHITE_PX, _WHITE_PX)), np.float32)
    white: Floats = np.clip(spectrum / np.sqrt(power + 1e-6), -_SPIKE, _SPIKE)
    return white
