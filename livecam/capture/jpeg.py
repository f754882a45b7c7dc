"""The JPEGs of MJPG cameras, decoded by ourselves. Imported when a camera delivers them: FFmpeg is slow to import.

OpenCV could decode them as well, but libjpeg writes its complaints about every damaged picture straight to the
terminal; FFmpeg's decoder is as fast and silent (docs/adr/0004-capture-reader.md).
"""

import av
import cv2
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from livecam.capture.bgr import BgrWriter, upright_size
from livecam.capture.pictures import FormatChanged
from livecam.core.frame import Image, Size

_LENIENT_AFTER = 10


class JpegPictures:
    """The driver's JPEGs, decoded by FFmpeg. Pictures with damage count as none, unless all are a little damaged."""

    def __init__(self) -> None:
        self._codec = _jpeg_codec(strict=True)
        self._writer = BgrWriter()
        self._size = Size(0, 0)
        self._damaged = 0

    def first(self, capture: cv2.VideoCapture) -> Size | None:
        """As `Pictures.first`."""
        frame = self._decode(capture)
        if frame is None:
            return None
        self._size = upright_size(frame)
        return self._size

    def fill(self, capture: cv2.VideoCapture, image: Image) -> bool:
        """As `Pictures.fill`."""
        frame = self._decode(capture)
        if frame is None:
            return False
        if upright_size(frame) != self._size:
            raise FormatChanged(str(upright_size(frame)))
        self._writer.write(frame, image)
        return True

    def _decode(self, capture: cv2.VideoCapture) -> av.VideoFrame | None:
        ok, raw = capture.retrieve()
        if not ok or not raw.size:
            return None
        try:
            frames = self._codec.decode(av.Packet(raw.tobytes()))
        except FFmpegError:
            self._damaged += 1
            if self._damaged == _LENIENT_AFTER:  # not damage, then, but a camera with its own idea of JPEG
                self._codec = _jpeg_codec(strict=False)
            return None
        self._damaged = 0
        return frames[0] if frames else None


def _jpeg_codec(*, strict: bool) -> VideoCodecContext:
    codec = av.CodecContext.create("mjpeg", "r")
    codec.options = {"err_detect": "explode"} if strict else {}
    return codec
