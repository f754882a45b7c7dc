"""Decodes a video file frame by frame, forgiving damaged packets and nothing else."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from livecam.capture.bgr import LONGEST_SIDE_PX, upright_size
from livecam.errors import SourceGone, SourceLost

DECODE_THREADS = 2
"""Measured on two cores at 1080p: 2.4 ms a frame with two frame threads, 4.8 ms with one (docs/adr/0004)."""

_OPTIONS = {
    "protocol_whitelist": "file,crypto,data",
    "max_pixels": str(LONGEST_SIDE_PX**2),
    "pattern_type": "none",
}
_SLOWEST_FPS, _FASTEST_FPS = 0.5, 1000.0
_WORST_RUN = 100
_NEXT_STEP = "Check the path, or convert it to MP4."
# FFmpeg's demuxers for any text or bytes whatever: what they show is no video.
_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})


class VideoReader:
    """One open video file.

    Args:
        path: An existing regular file.

    Attributes:
        path: Of the file.
        size: Of every frame once upright and even.
        fps: Nominal rate; 0 when the file does not say a sane one.
        still: Whether it is a single picture rather than a video.
        detail: Codec and coded size, for the log.

    Raises:
        SourceGone: It is no video that can be shown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready: deque[av.VideoFrame] = deque()
        try:
            # The prefix keeps FFmpeg from taking a path for an address, the options from following a playlist,
            # from unpacking a picture bomb, and from taking "%d" in a picture's name for a pattern.
            self._container = av.open(
                f"file:{path}",
                options=_OPTIONS,
            )
        except FFmpegError as error:
            raise SourceGone(f"{path} cannot be opened as a video: {_reason(error)}.", _NEXT_STEP) from None
        try:
            self._stream = self._choose()
            self._packets: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)
            self._ready.append(self._first())
        except SourceGone:
            self.close()
            raise
        self.size = upright_size(self._ready[0])
        self.fps = _sane_fps(self._stream)
        self.still = _is_still(self._container.format.name)
        context = self._stream.codec_context
        self.detail = f"{context.name} {self._ready[0].width}x{self._ready[0].height} {self._ready[0].format.name}"

    def next(self) -> av.VideoFrame | None:
        """The next whole frame in the order of showing, or None at the end of the file.

        Raises:
            SourceGone: Nothing but damage came for a long run of packets.
            SourceLost: The disk failed.
        """
        damaged = 0
        while not self._ready:
            packet = self._packet()
            if packet is None:
                return None
            try:
                self._ready.extend(frame for frame in packet.decode() if not frame.is_corrupt)
            except FFmpegError:
                damaged += 1
                if damaged >= _WORST_RUN:
                    raise SourceGone(f"{self.path} is damaged: {damaged} packets in a row hold no picture.") from None
        return self._ready.popleft()

    def rewind(self) -> None:
        """Go back to the first frame.

        Raises:
            SourceGone: The file has no way back.
        """
        self._ready.clear()
        try:
            self._container.seek(self._stream.start_time or 0, stream=self._stream)
        except FFmpegError as error:
            raise SourceGone(f"{self.path} cannot be wound back to loop: {_reason(error)}.") from None
        self._packets = self._container.demux(self._stream)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._ready.clear()
        self._packets = iter(())
        self._container.close()

    def _choose(self) -> VideoStream:
        streams = [stream for stream in self._container.streams.video if not _is_cover(stream)]
        if not streams or self._container.format.name in _NOT_VIDEO:
            raise SourceGone(f"{self.path} holds no video.", _NEXT_STEP)
        stream = streams[0]
        try:
            longest = max(stream.width, stream.height)
        except AttributeError:
            # A stream that FFmpeg has no decoder for, such as a drawing in SVG, has no size in PyAV.
            raise SourceGone(f"{self.path} holds no video that can be decoded.", _NEXT_STEP) from None
        if longest > LONGEST_SIDE_PX:
            raise SourceGone(
                f"{self.path} is {stream.width}x{stream.height}; sides over {LONGEST_SIDE_PX} pixels are refused.",
                "Scale it down first.",
            )
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = DECODE_THREADS
        return stream

    def _first(self) -> av.VideoFrame:
        frame = self.next()
        if frame is None:
            raise SourceGone(f"{self.path} holds not one whole frame.", _NEXT_STEP)
        if min(frame.width, frame.height) < 2:
            raise SourceGone(f"{self.path} is {frame.width}x{frame.height}, too small to be shown.")
        return frame

    def _packet(self) -> "Packet[VideoStream] | None":
        try:
            return next(self._packets, None)
        except av.error.InvalidDataError:
            return None  # cut off in mid-packet: what came before it is good
        except FFmpegError as error:
            raise SourceLost(f"{self.path} could not be read further: {_reason(error)}.") from None


def _reason(error: FFmpegError) -> str:
    return (error.strerror or "unknown reason").rstrip(".").lower()


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _is_still(format_name: str) -> bool:
    return format_name == "image2" or format_name.endswith("_pipe")


def _sane_fps(stream: VideoStream) -> float:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate is not None and _SLOWEST_FPS <= rate <= _FASTEST_FPS:
            return float(rate)
    return 0.0
