"""The fine light of a face: what a restorer may change, and nothing else."""

from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.studio.light import Floats, luma

# A difference of two Gaussians: sigmas as shares of the distance of the eyes. Finer than the first is noise; coarser
# than the second is the shape of features, which is whom the face shows.
_FINE, _COARSE = 0.004, 0.06
# Levels. Pores and lashes are within it; what changes more is another feature.
_LARGEST = 40.0
_LEAST_SIGMA: Final = 0.4


def fine_light(made: Image, crop: Image, five: Points) -> Floats:
    """What `made` has more of fine light than `crop`, both (S, S, 3) u8 BGR: (S, S) f32 levels of luma.

    Args:
        made: The restored face.
        crop: The face as it was.
        five: Of the face, (5, 2) f32 px of both.
    """
    apart = luma(made) - luma(crop)
    eyes = float(np.linalg.norm(five[1] - five[0]))
    fine, coarse = (
        np.asarray(cv2.GaussianBlur(apart, (0, 0), max(_LEAST_SIGMA, share * eyes)), np.float32)
        for share in (_FINE, _COARSE)
    )
    return np.asarray(np.clip(fine - coarse, -_LARGEST, _LARGEST), np.float32)
