"""Recording what was sent to an MP4 file that plays up to its last second, even after a crash or on a full disk."""

import errno
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from livecam.core.cleared import Cleared, How
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.seams import Clock
from livecam.core.spec import SinkWish, Spec
from livecam.errors import ConfigError, SinkError, SinkGone, SinkLost
from livecam.output.checks import demand_even, fitting
from livecam.output.coding import CODING_ERRORS, CodingThread
from livecam.output.disk import FragmentFile, create, remove
from livecam.output.mp4 import Mp4Writer

_LOG = logging.getLogger("livecam.output")
_SLOTS = 8
_FLUSH_S = 1.8
_LONGEST_S = 31_536_000
_EXAMPLE = "Write something like record:call.mp4 or record:call-{time}.mp4."


def make(spec: Spec, wish: SinkWish) -> "RecordSink":
    """Build ``record:PATH.mp4``, with ``?overwrite=1&seconds=N`` if wanted; ``{time}`` in the path is the local time.

    Raises:
        ConfigError: There is no path, it does not end in .mp4, or a parameter is unknown.
    """
    spec.known("overwrite", "seconds")
    if not spec.target.lower().endswith(".mp4"):
        raise ConfigError(f"{spec.text!r} must name a file that ends in .mp4.", _EXAMPLE)
    seconds = spec.number("seconds", 0)
    if not 0 <= seconds < _LONGEST_S:
        raise ConfigError(f"seconds={seconds:g} in {spec.text!r} must lie in 0..{_LONGEST_S}.", "0 records to the end.")
    return RecordSink(spec.target, spec.flag("overwrite", False), seconds=seconds, finished=wish.finished)


class RecordSink:
    """Records to a fragmented MP4 file. Encoding runs in a thread of its own.

    `send` copies the picture into a free slot; when the encoder is behind and none is free, it is dropped and
    counted. A picture's time in the file is the time it was sent, so that a stall shows as a stall.

    Args:
        target: Path; ``~`` and ``{time}`` are replaced.
        overwrite: Whether the first opening may replace an existing file. Otherwise, and whenever the sink is opened
            again, a numbered name is taken.
        clock: Where time comes from.
        slots: How many pictures may wait for the encoder.
        seconds: The recording ends by itself after this time; 0 records to the end.
        finished: Told of every file that is whole, from the encoder's thread, and whether any picture in it was
            swapped.

    Attributes:
        path: Where it records, None before the first opening.
        dropped: How many pictures were not recorded because the encoder was behind.
    """

    def __init__(
        self,
        target: str,
        overwrite: bool = False,
        clock: Clock | None = None,
        slots: int = _SLOTS,
        seconds: float = 0.0,
        finished: Callable[[Path, bool], None] | None = None,
    ) -> None:
        self._target = target
        self._overwrite = overwrite
        self._clock = clock or MonotonicClock()
        self._slots = slots
        self._limit_ns = int(seconds * NS_PER_S)
        self._started_ns = 0
        self._encoder: CodingThread | None = None
        self._work: _Recording | None = None
        self._finished = finished
        self._note = ""
        self._told = False
        self.path: Path | None = None
        self.dropped = 0

    @property
    def name(self) -> str:
        """Such as ``record:call-2.mp4 (call.mp4 exists)``."""
        return f"record:{self.path or self._target}{self._note}"

    def open(self, size: Size, fps: float) -> None:
        """Create the file and start the encoder.

        Raises:
            SinkGone: The size is odd, or the path can never be written.
            SinkLost: The disk is full or failed.
        """
        demand_even(size, self.name)
        self.close()
        wanted = Path(self._target.replace("{time}", f"{datetime.now():%Y-%m-%d_%H-%M-%S}")).expanduser()
        try:
            raw, self.path = create(wanted, self._overwrite)
        except OSError as error:
            raise _refusal(wanted, error) from error
        self._overwrite = self._told = False
        self._note = "" if self.path == wanted else f" ({wanted.name} exists)"
        self._started_ns = self._clock.now_ns()
        self._encoder = self._started(FragmentFile(raw), self.path, size, fps)

    def send(self, cleared: Cleared) -> None:
        """Hand a copy of the picture to the encoder, or count it as dropped.

        Raises:
            SinkLost: The encoder has stopped, usually because the disk is full.
        """
        encoder = self._encoder
        picture = fitting(cleared, encoder.size if encoder else None, self.name)
        now_ns = self._clock.now_ns()
        if encoder and self._limit_ns and now_ns - self._started_ns > self._limit_ns:
            encoder.end()
            self._note = f" (ended after {self._limit_ns / NS_PER_S:g} s)"
        elif encoder and not encoder.offer(picture, now_ns):
            self._drop()
        elif self._work is not None and cleared.how is How.SWAPPED:
            self._work.swapped = True

    def _drop(self) -> None:
        if not self._told:
            self._told = True
            _LOG.warning("%s: the disk or the encoder is too slow; pictures are left out of the recording.", self.name)
        self.dropped += 1

    def close(self) -> None:
        """Write what is waiting, end the file and wait for that, at most 1.8 s."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None and not encoder.finish(_FLUSH_S):
            _LOG.warning("%s: the disk did not take the end of the recording in time; it plays without it.", self.name)

    def _started(self, file: FragmentFile, path: Path, size: Size, fps: float) -> CodingThread:
        try:
            writer = Mp4Writer(file, size, fps)
        except CODING_ERRORS as error:
            _discard(file, path)
            raise _refusal(path, error) from error
        self._work = _Recording(writer, file, path, self._finished)
        encoder = CodingThread("livecam-record", self._work, size, self._slots)
        encoder.start()
        return encoder


class _Recording:
    """What the coding thread does: it owns the writer and the file.

    Attributes:
        swapped: Whether any picture was.
    """

    def __init__(
        self, writer: Mp4Writer, file: FragmentFile, path: Path, finished: Callable[[Path, bool], None] | None
    ) -> None:
        self._writer = writer
        self._file = file
        self._path = path
        self._finished = finished
        self.swapped = False

    def add(self, picture: Picture, sent_ns: int) -> None:
        """Write one picture."""
        self._writer.add(picture, sent_ns)

    def finish(self) -> None:
        """Write the end of the file."""
        self._writer.finish()

    def failed(self, error: Exception) -> SinkError:
        """Cut the file back to what plays."""
        problem = _refusal(self._path, error)
        _LOG.warning("%s", problem)
        try:
            self._file.cut()
            self._writer.finish()
        except CODING_ERRORS as second:
            # The sentence above was said; what was written before still plays.
            _LOG.debug("Ending %s failed as well: %s", self._path, second)
        return problem

    def free(self) -> SinkError | None:
        """Close the file and tell of it; one without pictures is removed."""
        late = None
        try:
            self._file.close()
        except OSError as error:
            late = _refusal(self._path, error)
        if not self._file.fragments:
            remove(self._path)
        elif self._finished is not None:
            self._finished(self._path, self.swapped)
        return late


def _discard(file: FragmentFile, path: Path) -> None:
    file.ended = True
    try:
        file.close()
    except OSError:
        _LOG.debug("Closing %s failed.", path)
    remove(path)


_SENTENCES = {
    errno.ENOSPC: ("The disk is full", "Free some space; recording goes on in a new file.", SinkLost),
    errno.EDQUOT: ("The disk quota is used up", "Free some space; recording goes on in a new file.", SinkLost),
    errno.EFBIG: ("The file became as large as this disk allows", "Recording goes on in a new file.", SinkLost),
    errno.EACCES: ("It may not be written", "Choose another place or change its permissions.", SinkGone),
    errno.EPERM: ("It may not be written", "Choose another place or change its permissions.", SinkGone),
    errno.EROFS: ("The file system is read-only", "Choose another place.", SinkGone),
    errno.EISDIR: ("It is a directory", "Choose another name.", SinkGone),
    errno.EEXIST: ("Part of the path is a file", "Choose another place.", SinkGone),
    errno.ENOTDIR: ("Part of the path is a file", "Choose another place.", SinkGone),
    errno.ENAMETOOLONG: ("The name is too long", "Choose a shorter one.", SinkGone),
}


def _refusal(path: Path, error: Exception) -> SinkError:
    number = error.errno if isinstance(error, OSError) else None
    reason, next_step, kind = _SENTENCES.get(number or 0, (f"The disk or encoder failed ({error})", "", SinkLost))
    return kind(f"Cannot record to {path}. {reason}.", next_step)
