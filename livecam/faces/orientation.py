"""Which way up a picture was taken, as its camera noted it (Exif 2.32, tag 274)."""

import struct
from typing import Final

import cv2
import numpy as np

from livecam.core.frame import Image

_TAG: Final = 274
_MOST_ENTRIES: Final = 500
_TURNS: Final = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orientation_in(exif: bytes) -> int:
    """1 to 8; 1, which is upright, where `exif`, a TIFF structure, does not say or is damaged."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        at = int(struct.unpack_from(f"{order}I", exif, 4)[0])
        count = int(struct.unpack_from(f"{order}H", exif, at)[0])
        for entry in range(min(count, _MOST_ENTRIES)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, at + 2 + 12 * entry)
            if tag == _TAG:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def upright(image: Image, orientation: int) -> Image:
    """`image`, (H, W) or (H, W, C) u8, turned and mirrored as `orientation` asks for."""
    if orientation in {2, 4, 5, 7}:
        # 2 is mirrored left to right; the other three are that, then turned.
        image = np.asarray(cv2.flip(image, 1), np.uint8)
        orientation = {2: 1, 4: 3, 5: 8, 7: 6}[orientation]
    turn = _TURNS.get(orientation)
    return image if turn is None else np.asarray(cv2.rotate(image, turn), np.uint8)
