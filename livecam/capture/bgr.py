"""From a decoded PyAV frame into an image of ours: colours, rotation, even sides, one copy."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livecam.core.frame import Image, Size

if TYPE_CHECKING:
    import av

LONGEST_SIDE_PX = 8192
"""Pictures above this are refused; it is also the limit of `Size.parse`."""

_QUARTER_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


def even(width: int, height: int) -> Size:
    """The largest size with even sides inside `width` x `height`: at most one pixel a side is cut."""
    return Size(width // 2 * 2, height // 2 * 2)


def quarter_turn(frame: "av.VideoFrame") -> int:
    """How far `frame` must be turned to stand upright: 0, 90, 180 or 270 degrees counter-clockwise."""
    return round(frame.rotation / 90) * 90 % 360


def upright_size(frame: "av.VideoFrame") -> Size:
    """Size of the image that `BgrWriter` makes of `frame`: upright, with even sides."""
    size = even(frame.width, frame.height)
    return Size(size.height, size.width) if quarter_turn(frame) in (90, 270) else size


def require_image(image: Image, size: Size) -> None:
    """Refuse an array that cannot be filled in place.

    Raises:
        ValueError: `image` is not a writable, contiguous (H, W, 3) u8 array of `size`.
    """
    if image.shape != size.image_shape or image.dtype != np.uint8:
        raise ValueError(f"The source fills {size.image_shape} u8 images, not {image.shape} {image.dtype}.")
    if not (image.flags.c_contiguous and image.flags.writeable):
        raise ValueError("The source fills contiguous, writable images only.")


class BgrWriter:
    """Writes decoded frames into images. Keeps the scaler's tables between frames; one thread.

    swscale cannot be pointed at a NumPy array through PyAV, so that one copy remains (0.2 ms at 1280x720; see
    docs/adr/0004). Untagged colours are read as BT.601 limited range, as FFmpeg and OpenCV do; tags are honoured.
    """

    def __init__(self) -> None:
        # Slow to import, and sources that decode nothing use what else is here.
        from av.video.reformatter import VideoReformatter

        self._scaler = VideoReformatter()

    def write(self, frame: "av.VideoFrame", image: Image) -> None:
        """Fill `image`, (H, W, 3) u8 BGR, with `frame`, upright.

        A frame of another size than `image`, as after a change in mid-file, is scaled to it.
        """
        turn = quarter_turn(frame)
        height, width = image.shape[:2]
        if turn in (90, 270):
            height, width = width, height
        scaled = even(frame.width, frame.height) != (width, height)
        bgr = self._scaler.reformat(
            frame,
            width=width if scaled else None,
            height=height if scaled else None,
            format="bgr24",
            threads=1,
        )
        upright = pixels(bgr)[:height, :width]
        if turn:
            cv2.rotate(upright, _QUARTER_TURNS[turn], dst=image)
        else:
            np.copyto(image, upright)


def pixels(bgr: "av.VideoFrame") -> Image:
    """The pixels of a ``bgr24`` frame, (H, W, 3) u8, without a copy. Rows may be padded."""
    plane = bgr.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: bgr.height, : bgr.width * 3].reshape(bgr.height, bgr.width, 3)
