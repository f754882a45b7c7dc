"""I420 pictures to H.264 in a container of FFmpeg's; what recording and streaming have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

import av
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.output.colours import LIMITED

TICKS_PER_S: Final = 90_000
_TIME_BASE = Fraction(1, TICKS_PER_S)


class Target(Protocol):
    """Where the bytes go; append-only."""

    def write(self, data: bytes, /) -> int:
        """Append all of `data`; returns its length."""
        ...


@dataclass(frozen=True, slots=True)
class Form:
    """What is written.

    Attributes:
        container: FFmpeg's name of the format.
        container_options: Its options.
        codec_options: libx264's options.
        colours: Code point of ITU-T H.273 by which the pictures are made; players assume BT.709 for untagged 720p.
    """

    container: str
    container_options: Mapping[str, str]
    codec_options: Mapping[str, str]
    colours: int


class H264Writer:
    """One file or stream, a key picture a second. `av.FFmpegError` and `target`'s `OSError` pass through every method.

    Args:
        target: Where the bytes go.
        size: Of all pictures.
        fps: Nominal rate; the true time of each picture is its `sent_ns`.
        form: What is written.
    """

    def __init__(self, target: Target, size: Size, fps: float, form: Form) -> None:
        self._colours = form.colours
        self._container: OutputContainer = av.open(
            target, "w", format=form.container, options=dict(form.container_options)
        )
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=rate, options=dict(form.codec_options))
        _configure(self._stream.codec_context, size, rate, form.colours)
        self._container.start_encoding()
        self._first_ns: int | None = None
        self._last_pts = -1
        self._last_is_key = False

    @property
    def last_is_key(self) -> bool:
        """Whether a reader may begin with what the last `add` wrote."""
        return self._last_is_key

    def add(self, picture: Picture, sent_ns: int) -> None:
        """Encode and write one picture, (H * 3 / 2, W) u8 I420, shown at `sent_ns`, monotonic."""
        self._mux(self._frame(picture, sent_ns))

    def add_key(self, picture: Picture, sent_ns: int) -> None:
        """As `add`, and make it a key picture."""
        frame = self._frame(picture, sent_ns)
        frame.pict_type = PictureType.I
        self._mux(frame)

    def finish(self) -> None:
        """Write what the encoder still has, and the end of the file. Closes the container, not the target."""
        try:
            self._mux(None)
        finally:
            self._container.close()

    def _frame(self, picture: Picture, sent_ns: int) -> av.VideoFrame:
        if self._first_ns is None:
            self._first_ns = sent_ns
        pts = (sent_ns - self._first_ns) * TICKS_PER_S // NS_PER_S
        self._last_pts = max(pts, self._last_pts + 1)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._last_pts
        frame.time_base = _TIME_BASE
        frame.colorspace = self._colours
        frame.color_range = LIMITED
        return frame

    def _mux(self, frame: av.VideoFrame | None) -> None:
        self._last_is_key = False
        for packet in self._stream.encode(frame):
            self._last_is_key = packet.is_keyframe
            self._container.mux(packet)


def _configure(codec: VideoCodecContext, size: Size, rate: Fraction, colours: int) -> None:
    codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.time_base = _TIME_BASE
    codec.framerate = rate
    codec.gop_size = max(1, round(rate))
    # One thread: slices in parallel would compete with the swap for the second core.
    codec.thread_count = 1
    codec.colorspace = colours
    codec.color_primaries = colours
    codec.color_trc = colours
    codec.color_range = LIMITED
