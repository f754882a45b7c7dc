"""A video file that is being converted: its frames in order, each with its time, and what else is in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from livecam.app.convert_summary import plural
from livecam.capture.bgr import BgrWriter, quarter_turn
from livecam.capture.reader import VideoReader
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.errors import SourceGone
from livecam.output.colours import BT601, BT709

UNSPECIFIED: Final = 2
"""ITU-T H.273: the file does not say."""

_USUAL_FPS: Final = Fraction(30)


class Colours(NamedTuple):
    """Code points of ITU-T H.273 that OUT is tagged with.

    A player shall do with OUT what it did with IN, so tags are taken over, with one exception: livecam writes BT.601
    or BT.709. What says nothing was read as BT.601, is written as BT.601, and says nothing again.
    """

    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What is known of a video before it is decoded.

    Attributes:
        size: Of its frames once upright and even.
        rate: Nominal frames a second.
        time_base: Of its times, s.
        total: How many frames it should have; 0 when it does not say.
        colours: For OUT.
        aspect: Width by height of a pixel, once upright; 0 when it does not say.
        notes: What will not be in OUT, in sentences.
    """

    size: Size
    rate: Fraction
    time_base: Fraction
    total: int
    colours: Colours
    aspect: Fraction
    notes: tuple[str, ...]


class Shot(NamedTuple):
    """One decoded frame.

    Attributes:
        frame: As decoded, not yet upright.
        number: From 0, in order of showing.
        pts: When it is shown, in the clip's time base; rises from shot to shot.
        duration: How long the file says it stays, in the clip's time base; at least 1.
    """

    frame: av.VideoFrame
    number: int
    pts: int
    duration: int


def open_container(path: Path) -> InputContainer:
    """Open IN once more, for what `VideoReader` does not give; no address, playlist or pattern is followed.

    Raises:
        SourceGone: It cannot be opened.
    """
    try:
        return av.open(f"file:{path}", options={"protocol_whitelist": "file,crypto,data", "pattern_type": "none"})
    except FFmpegError as error:
        raise SourceGone(f"{path} cannot be opened: {error.strerror}.", "Check the path.") from None


class Clip:
    """The frames of a video file. One thread.

    Args:
        path: An existing file.

    Attributes:
        info: What it is.
        decoded: How many frames came out of it so far.

    Raises:
        SourceGone: It is no video that can be shown, or a single picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = VideoReader(path)
        if self._reader.still:
            self._reader.close()
            raise SourceGone(f"{path} is a picture, not a video.", "Write it to a .png, .jpg or .webp file.")
        first = self._reader.next()
        assert first is not None, "VideoReader decodes one frame before it counts as open"
        self._first = first
        self._writer = BgrWriter()
        self.info = _info(path, first, self._reader)
        self._origin = first.pts or 0
        self.decoded = 0

    def shots(self) -> Iterator[Shot]:
        """Every frame once, in order. To be called once.

        Raises:
            SourceGone: It is damaged beyond use from here on.
            SourceLost: The disk failed.
        """
        times = _Times(self.info)
        frame: av.VideoFrame | None = self._first
        while frame is not None:
            yield Shot(frame, self.decoded, *times.of(frame))
            self.decoded += 1
            frame = self._reader.next()

    def draw(self, shot: Shot, image: Image) -> None:
        """Write `shot` upright into `image`, (H, W, 3) u8 BGR of the clip's size."""
        self._writer.write(shot.frame, image)

    def media_ns(self, pts: int) -> int:
        """`pts` as a time in ns like a clock's: above 0, wherever the file begins to count."""
        return NS_PER_S + round((pts - self._origin) * self.info.time_base * NS_PER_S)

    def shortfall(self) -> str:
        """A sentence when fewer frames were decoded than the file should have; to be asked at its end."""
        # A frame or two may be a mere miscount: AVI's counts what decodes to nothing.
        if self.info.total - self.decoded <= 2:
            return ""
        announced = f"{self._path} should hold {plural(self.info.total, 'frame')}"
        return f"{announced}, but only {self.decoded} can be read: it is cut off or damaged."

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._reader.close()


class _Times:
    """The file's own times, repaired only where they do not rise."""

    def __init__(self, info: ClipInfo) -> None:
        self._interval = max(1, round(1 / (info.rate * info.time_base)))
        self._second = round(1 / info.time_base)
        self._shift = 0
        self._last: int | None = None

    def of(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Time and duration of the next frame."""
        duration = frame.duration or self._interval
        last = self._last
        if last is None:
            pts = frame.pts or 0
        elif frame.pts is None:
            pts = last + self._interval
        else:
            pts = self._repaired(frame.pts, last)
        self._last = pts
        return pts, duration

    def _repaired(self, stamp: int, last: int) -> int:
        if stamp + self._shift > last:
            return stamp + self._shift
        if last - (stamp + self._shift) > self._second:
            # The file's clock was set back, as where recordings were strung together: what follows is shifted.
            self._shift = last + self._interval - stamp
            return stamp + self._shift
        return last + 1


def _info(path: Path, first: av.VideoFrame, reader: VideoReader) -> ClipInfo:
    with open_container(path) as container:
        stream = _main(container)
        rate = Fraction(reader.fps).limit_denominator(1001) if reader.fps else _USUAL_FPS
        return ClipInfo(
            size=reader.size,
            rate=rate,
            time_base=first.time_base or stream.time_base or 1 / rate,
            total=stream.frames,
            colours=_colours(first, stream),
            aspect=_aspect(first, stream),
            notes=tuple(_left_out(container, stream, first)),
        )


def _main(container: InputContainer) -> VideoStream:
    """The stream that `VideoReader` takes: the first that is no cover picture."""
    return next(stream for stream in container.streams.video if not _is_cover(stream))


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _colours(frame: av.VideoFrame, stream: VideoStream) -> Colours:
    context = stream.codec_context
    matrix = frame.colorspace if frame.colorspace in (BT709, UNSPECIFIED) else BT601
    return Colours(matrix, context.color_primaries, context.color_trc)


def _aspect(frame: av.VideoFrame, stream: VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio or Fraction(0)
    return 1 / aspect if aspect and quarter_turn(frame) in (90, 270) else aspect


def _left_out(container: InputContainer, main: VideoStream, first: av.VideoFrame) -> Iterator[str]:
    streams = container.streams
    videos = sum(not _is_cover(stream) and stream is not main for stream in streams.video)
    if videos:
        yield f"Only the first video track was converted; {plural(videos, 'other track')} left out."
    if streams.subtitles:
        yield f"{plural(len(streams.subtitles), 'subtitle track')} left out."
    depth = max(component.bits for component in first.format.components)
    if depth > 8:
        yield f"The video has {depth} bits a colour; OUT has 8."
