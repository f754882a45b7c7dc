"""Cleared pictures for the sinks' tests."""

import socket

import cv2
import numpy as np

from livecam.core.cleared import Cleared, How
from livecam.core.frame import Picture, Size
from livecam.core.mint import MINT
from tests.patience import free_port

SIZE = Size(320, 240)


def free_udp_port() -> int:
    """See `free_port`."""
    return free_port(socket.SOCK_DGRAM)


def plain(luma: int, size: Size = SIZE) -> Picture:
    """A grey I420 picture."""
    picture = np.full(size.picture_shape, 128, dtype=np.uint8)
    picture[: size.height] = luma
    return picture


def coloured(bgr: tuple[int, int, int], size: Size = SIZE) -> Picture:
    """A picture of one colour, converted as livecam converts its own."""
    image = np.full(size.image_shape, bgr, dtype=np.uint8)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)


def cleared(picture: Picture, seq: int = 1, how: How = How.SWAPPED) -> Cleared:
    """`picture` as the gate would let it out."""
    return Cleared(MINT, picture, seq, 1_000, 0, how)
