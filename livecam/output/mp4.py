"""Encoding I420 pictures to H.264 in a fragmented MP4 file."""

from fractions import Fraction
from typing import Protocol

import av
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext

from livecam.core.frame import NS_PER_S, Picture, Size

TICKS_PER_S = 90_000
_TIME_BASE = Fraction(1, TICKS_PER_S)

# Code points of ITU-T H.273, the same number for primaries, transfer and matrix; range as FFmpeg counts it.
_BT601 = 6
_LIMITED = 1

_FORMAT = {
    # A fragment describes only itself, so that whatever was written before a crash plays.
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    # Pictures may come seldom: a fragment is closed after a second even when no key picture is due.
    "frag_duration": "1000000",
    "flush_packets": "1",
}
# ultrafast takes 2.5 ms of CPU for a 720p picture where veryfast takes 5.4, at twice the size of the file; a call
# matters more than its recording.
_CODEC = {"preset": "ultrafast", "tune": "zerolatency", "crf": "21"}


class Target(Protocol):
    """Where the bytes go; append-only."""

    def write(self, data: bytes, /) -> int:
        """Append all of `data`; returns its length."""
        ...


class Mp4Writer:
    """One recording. `av.FFmpegError` and `OSError` of `target` pass through every method.

    Pictures are BT.601, limited range, and the stream says so: players assume BT.709 for untagged 720p.

    Args:
        target: Where the file goes.
        size: Of all pictures.
        fps: Nominal rate; the true time of each picture is its `sent_ns`.
    """

    def __init__(self, target: Target, size: Size, fps: float) -> None:
        self._container: OutputContainer = av.open(target, "w", format="mp4", options=_FORMAT)
        rate = Fraction(fps).limit_denominator(1001)
        self._stream = self._container.add_stream("libx264", rate=rate, options=_CODEC)
        _configure(self._stream.codec_context, size, rate)
        self._container.start_encoding()
        self._first_ns: int | None = None
        self._last_pts = -1

    def add(self, picture: Picture, sent_ns: int) -> None:
        """Encode and write one picture, (H * 3 / 2, W) u8 I420, shown at `sent_ns`, monotonic."""
        if self._first_ns is None:
            self._first_ns = sent_ns
        pts = (sent_ns - self._first_ns) * TICKS_PER_S // NS_PER_S
        self._last_pts = max(pts, self._last_pts + 1)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._last_pts
        frame.time_base = _TIME_BASE
        frame.colorspace = _BT601
        frame.color_range = _LIMITED
        self._mux(frame)

    def finish(self) -> None:
        """Write what the encoder still has, and the end of the file. Closes the container, not the target."""
        try:
            self._mux(None)
        finally:
            self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


def _configure(codec: VideoCodecContext, size: Size, rate: Fraction) -> None:
    codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.time_base = _TIME_BASE
    codec.framerate = rate
    codec.gop_size = max(1, round(rate))
    # One thread: slices in parallel would compete with the swap for the second core.
    codec.thread_count = 1
    codec.colorspace = _BT601
    codec.color_primaries = _BT601
    codec.color_trc = _BT601
    codec.color_range = _LIMITED
