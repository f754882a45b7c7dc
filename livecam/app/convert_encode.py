"""Cleared pictures to short pieces of H.264, each whole in itself."""

import io
from dataclasses import dataclass
from typing import Final

import av
import numpy as np

from livecam.app.convert_clip import ClipInfo
from livecam.core.cleared import Cleared
from livecam.core.frame import Picture, Size
from livecam.output.colours import BT709, LIMITED, ToBt709

_KEY_S: Final = 2
"""A key picture at least so often, s, so that players can jump."""

_OPTIONS: Final = {
    # At a crf of 18 and 720p veryfast takes 15 ms of CPU a picture, medium 50, and its file is no larger.
    "preset": "veryfast",
    # Without B-pictures the order of coding is the order of showing: pieces are joined without touching a time.
    "bf": "0",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One encoded stretch of video.

    Attributes:
        data: An MP4 file whose times begin at 0.
        frames: How many pictures.
        first: Time of the first one, in the clip's time base.
        last: Time of the last one.
        end: When the last one's time is over.
    """

    data: bytes
    frames: int
    first: int
    last: int
    end: int


class Encoder:
    """Makes pieces. All are made alike, so that they can be joined as they are.

    Args:
        info: Size, rate, times and colours.
        crf: Quality of libx264.
    """

    def __init__(self, info: ClipInfo, crf: int) -> None:
        self._info = info
        self._crf = crf
        self._to_bt709 = ToBt709(info.size) if info.colours.matrix == BT709 else None
        self._converted = np.empty(info.size.picture_shape, np.uint8)
        self._frames = self._first = self._last = self._end = 0

    def _begin(self, pts: int) -> None:
        self._first = pts
        self._target = io.BytesIO()
        self._container = av.open(self._target, "w", format="mp4")
        options = {**_OPTIONS, "crf": str(self._crf)}
        self._stream = self._container.add_stream("libx264", rate=self._info.rate, options=options)
        self._configure(self._info.size)

    def _configure(self, size: Size) -> None:
        codec, colours = self._stream.codec_context, self._info.colours
        codec.width, codec.height = size
        codec.pix_fmt = "yuv420p"
        codec.time_base = self._stream.time_base = self._info.time_base
        codec.framerate = self._info.rate
        codec.gop_size = max(1, round(self._info.rate * _KEY_S))
        codec.colorspace = colours.matrix
        codec.color_primaries = colours.primaries
        codec.color_trc = colours.transfer
        codec.color_range = LIMITED
        if self._info.aspect:
            codec.sample_aspect_ratio = self._info.aspect

    @property
    def frames(self) -> int:
        """In the piece under way."""
        return self._frames

    @property
    def first(self) -> int:
        """Time of the first picture in the piece under way, in the clip's time base."""
        return self._first

    def add(self, cleared: Cleared, pts: int, duration: int) -> None:
        """Encode one picture, shown at `pts` for `duration`, in the clip's time base.

        Raises:
            av.FFmpegError: libx264 refuses, such as a size it cannot take.
        """
        if not self._frames:
            self._begin(pts)
        frame = av.VideoFrame.from_ndarray(self._planes(cleared.picture), format="yuv420p")
        frame.pts, frame.time_base, frame.duration = pts - self._first, self._info.time_base, duration
        frame.colorspace, frame.color_range = self._info.colours.matrix, LIMITED
        self._container.mux(self._stream.encode(frame))
        self._frames += 1
        self._last, self._end = pts, pts + duration

    def finish(self) -> Piece:
        """End the piece under way; the next picture begins another.

        Raises:
            av.FFmpegError: libx264 refuses.
        """
        self._container.mux(self._stream.encode(None))
        self._container.close()
        piece = Piece(self._target.getvalue(), self._frames, self._first, self._last, self._end)
        self._frames = 0
        return piece

    def _planes(self, picture: Picture) -> Picture:
        if self._to_bt709 is None:
            return picture
        self._to_bt709.convert(picture, self._converted)
        return self._converted
