"""A crop at the size that a masker's network takes."""

import cv2

from livecam.core.frame import Image


def fit(crop: Image, out: Image) -> Image:
    """`crop`, (S, S, 3) u8, at the size of `out`: itself where that is its size, else resized into `out`."""
    if crop.shape == out.shape:
        return crop
    method = cv2.INTER_AREA if out.shape[0] < crop.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(crop, out.shape[1::-1], dst=out, interpolation=method)  # type: ignore[return-value]
