"""Video files and still pictures, paced like a camera or read as fast as possible: ``file:PATH?loop=1&pace=1``."""

from pathlib import Path

import av

from livecam.capture.bgr import BgrWriter, require_image
from livecam.capture.reader import VideoReader
from livecam.capture.still import StillSource
from livecam.capture.timeline import Timeline
from livecam.core.frame import NS_PER_MS, NS_PER_S, Image, Size
from livecam.core.seams import Clock, Source, SourceInfo
from livecam.core.spec import SourceWish, Spec
from livecam.errors import ConfigError, SourceEnded, SourceGone, SourceLost

LONGEST_GAP_NS = 100 * NS_PER_MS
"""A frame that stays on for longer is delivered again this often, since a source gone quiet counts as stalled."""


def make(spec: Spec, wish: SourceWish, clock: Clock) -> Source:
    """A source for ``file:PATH``, with ``loop`` (default 1) and ``pace`` (default 1; 0 is as fast as possible).

    Raises:
        ConfigError: There is no path, or a parameter is unknown or neither 0 nor 1.
    """
    spec.known("loop", "pace")
    if not spec.target:
        raise ConfigError(f"{spec.text!r} names no file.", "Write file:clip.mp4.")
    path = Path(spec.target).expanduser()
    loop, pace = spec.flag("loop", True), spec.flag("pace", True)
    return FileSource(path, wish, clock, loop=loop, pace=pace)


class FileSource:
    """A video file, or a picture file shown as a constant video.

    With pacing, frames are due at the file's own times on an absolute grid that starts at the first read: a late
    reader gets the frame that is due now, and the ones before it are dropped. Without, every frame comes in order.

    Args:
        path: Of the file.
        wish: Its rate is that of still pictures, and of videos that do not say theirs.
        clock: Paces and stamps.
        loop: Start again at the end, without a pause.
        pace: Wait until a frame is due.

    Attributes:
        dropped: Frames passed over because they were late, since `open`.
    """

    def __init__(self, path: Path, wish: SourceWish, clock: Clock, *, loop: bool = True, pace: bool = True) -> None:
        self._path = path
        self._wish = wish
        self._clock = clock
        self._loop = loop
        self._pace = pace
        self._play: _Playback | StillSource | None = None
        self.size = Size(0, 0)

    @property
    def dropped(self) -> int:
        """Frames passed over because they were late, since `open`."""
        return self._play.dropped if self._play is not None else 0

    def open(self) -> SourceInfo:
        """Open the file and decode its first frame.

        Raises:
            SourceGone: There is no such file, or it holds nothing that can be shown.
        """
        self.close()
        _require_file(self._path)
        reader = VideoReader(self._path)
        fps = self._wish.fps if reader.still else reader.fps or self._wish.fps
        if reader.still:
            self._play = StillSource(reader, fps, self._clock, once=not self._loop, pace=self._pace)
        else:
            timeline = Timeline(round(NS_PER_S / fps))
            timeout_ns = round(self._wish.timeout_s * NS_PER_S)
            self._play = _Playback(reader, timeline, self._clock, timeout_ns, loop=self._loop, pace=self._pace)
        self.size = reader.size
        return SourceInfo(f"file:{self._path.name}", reader.size, fps, live=False, detail=reader.detail)

    def read_into(self, image: Image) -> int:
        """Fill `image`, (H, W, 3) u8 BGR, and return the time its frame was due, in monotonic ns.

        Raises:
            SourceEnded: The file is at its end and is not looped.
            SourceGone: It is damaged beyond use.
            SourceLost: It is not open, or the disk failed.
        """
        if self._play is None:
            raise SourceLost(f"{self._path} is not open.")
        require_image(image, self.size)
        return self._play.read_into(image)

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self._play is not None:
            self._play.close()
            self._play = None


class _Playback:
    """A video file that is being played."""

    def __init__(
        self, reader: VideoReader, timeline: Timeline, clock: Clock, timeout_ns: int, *, loop: bool, pace: bool
    ) -> None:
        self._reader = reader
        self._timeline = timeline
        self._clock = clock
        self._timeout_ns = timeout_ns
        self._loop = loop
        self._pace = pace
        self._writer = BgrWriter()
        self._current: tuple[av.VideoFrame, int] | None = None
        self._next: tuple[av.VideoFrame, int] | None = None
        self.dropped = 0

    def read_into(self, image: Image) -> int:
        """Decode and convert ahead of time, then wait until the frame is due."""
        frame, due_ns = self._next or self._take()
        self._next = None
        again_ns = self._again_ns(due_ns)
        if self._current is not None and again_ns is not None:
            self._next = (frame, due_ns)
            frame, due_ns = self._current[0], again_ns
        self._writer.write(frame, image)
        if self._pace:
            self._clock.sleep_until(due_ns)
        self._current = (frame, due_ns)
        return due_ns

    def close(self) -> None:
        self._reader.close()

    def _again_ns(self, due_ns: int) -> int | None:
        """When the current frame is to be delivered again because the next one is far away; None when it is not."""
        now_ns = self._clock.now_ns()
        if self._current is None or not self._pace or due_ns <= now_ns:
            return None
        shown_ns = self._current[1]
        if due_ns - shown_ns <= LONGEST_GAP_NS:
            return None
        return shown_ns + max((now_ns - shown_ns) // LONGEST_GAP_NS, 1) * LONGEST_GAP_NS

    def _take(self) -> tuple[av.VideoFrame, int]:
        """The frame to show next and its time. Passes over late ones, for half a timeout at most."""
        give_up_ns = self._clock.now_ns() + self._timeout_ns // 2
        while True:
            frame = self._decode()
            now_ns = self._clock.now_ns()
            if not self._pace:
                return frame, now_ns
            due_ns = self._timeline.due_ns(frame, now_ns)
            late_ns = now_ns - due_ns
            if late_ns < self._timeline.interval_ns:
                return frame, due_ns
            if now_ns >= give_up_ns or late_ns > self._timeout_ns:
                # Decoding cannot catch up with so much: let the grid jump, by whole points, to where we are.
                return frame, due_ns + self._timeline.jump(late_ns)
            self._current = (frame, due_ns)
            self.dropped += 1

    def _decode(self) -> av.VideoFrame:
        frame = self._reader.next()
        if frame is None and self._loop:
            self._reader.rewind()
            self._timeline.next_pass()
            frame = self._reader.next()
            if frame is None:
                raise SourceGone(f"{self._reader.path} can be read only once; it cannot be looped.", "Use ?loop=0.")
        if frame is None:
            raise SourceEnded(f"{self._reader.path} has ended.")
        return frame


def _require_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise SourceGone(f"{path} is a folder, not a video file.")
        if not path.exists():
            raise SourceGone(f"There is no file {path}.", "Check the path.")
        if not path.is_file():
            raise SourceGone(f"{path} is a device or a pipe, not a video file.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise SourceGone(f"{path} cannot be read: {error.strerror}.") from None
