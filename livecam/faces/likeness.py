"""Whom a picture of the studio is to show: a person's vectors and photos."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points

Vectors: TypeAlias = npt.NDArray[np.float32]
"""(N, 512) f32, rows of length 1: a person in a face recogniser's space, one row for each view."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Whom a picture is to show.

    Attributes:
        vectors: See `Vectors`; raw recogniser outputs at unit length, before any swapper's conversion.
        photos: Upright photos, (H, W, 3) u8 BGR, best first; at least one.
        fives: Of each photo: eyes, nose tip and mouth corners, (5, 2) f32 px.
        regions: Of each photo, (H, W) u8: 255 where face and hair are, as the parser sees them; empty when it did not
            look.
    """

    vectors: Vectors
    photos: tuple[Image, ...]
    fives: tuple[Points, ...]
    regions: tuple[npt.NDArray[np.uint8], ...] = ()
