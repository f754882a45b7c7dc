"""The free detector: whether a video was made by livecam, as far as its invisible mark tells."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.app.registry import make_source
from livecam.capture.reader import VideoReader
from livecam.capture.timeline import Timeline
from livecam.config import Config
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.core.spec import Spec
from livecam.errors import LivecamError, SourceEnded, SourceLost
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_reader import CUTS, SURE, Found, MarkReader

WINDOW_S: Final = 12.0
"""What is looked at in one go: three rounds of the mark's signs."""

LEAST_S: Final = 4.0
"""Less than one round says nothing."""

_BAR_LEVEL, _BAR_FRAMES = 28, 20
"""Rows and columns that never get brighter than this, in so many frames, are bars around the picture."""

Luma = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a video.

    Attributes:
        seconds: Looked at.
        windows: Each so many seconds, one after the other, with what was found in it.
    """

    seconds: float
    windows: tuple[Found, ...]

    @property
    def marked(self) -> tuple[Found, ...]:
        """The windows in which the mark is."""
        return tuple(window for window in self.windows if window.sure)

    @property
    def sessions(self) -> tuple[int, ...]:
        """Sessions of this installation, in the order found."""
        return tuple(dict.fromkeys(window.session for window in self.windows if window.session is not None))

    @property
    def score(self) -> float:
        """The highest of all windows, standard deviations."""
        return max((window.score for window in self.windows), default=0.0)

    @property
    def chance(self) -> float:
        """How often a video without the mark would score as high: 64 looks a window."""
        looks = 16 * len(CUTS) * max(len(self.windows), 1)
        return min(1.0, looks * math.erfc(self.score / math.sqrt(2)) / 2)

    def lines(self) -> Iterator[str]:
        """What to tell, sentence by sentence."""
        if self.seconds < LEAST_S:
            yield f"Only {self.seconds:.1f} s were there to look at; {LEAST_S:g} are needed. This says nothing."
            return
        if not self.marked:
            yield (
                f"No mark of livecam was found in {self.seconds:.0f} s (score {self.score:.1f}; {SURE:g} is sure). "
                "That does not mean that the video is unchanged: another program may have made it, the mark may have "
                "been removed, or the picture may be turned, mirrored or part of a larger one."
            )
            return
        share, rarity = len(self.marked) / len(self.windows), 1 / max(self.chance, 1e-15)
        yield (
            f"Modified by AI with livecam: its mark is in {share:.0%} of {self.seconds:.0f} s (score {self.score:.1f}; "
            f"by chance less than once in {rarity:.0e} videos)."
        )
        if self.sessions:
            numbers = ", ".join(f"{session:08x}" for session in self.sessions)
            yield f"Made by this installation, session {numbers}."
        else:
            yield "Which session cannot be read: another installation made it, or too little is left of the mark."
        yield "Who made it, and whose face it shows, a mark does not say. Whoever knows how can remove or forge one."


def verify_file(path: Path, key: bytes, told: Callable[[float], None] | None = None) -> Verdict:
    """Look at the video at `path`; `told` hears how many seconds were looked at.

    Raises:
        SourceGone: It is no video, or damaged beyond use.
        LivecamError: It is a single picture, in which there is nothing to be found.
    """
    if not path.is_file():
        raise LivecamError(f"There is no file {path}.", "Check the path.")
    return _verdict(_frames(path), key, told)


def _frames(path: Path) -> Iterator[tuple[Luma, int]]:
    reader = VideoReader(path)
    try:
        if reader.still:
            raise LivecamError(
                f"{path} is a single picture.", "The mark is in the change from second to second: give a video."
            )
        timeline = Timeline(round(NS_PER_S / (reader.fps or 30)))
        while (frame := reader.next()) is not None:
            yield np.asarray(frame.to_ndarray(format="gray"), np.uint8), timeline.due_ns(frame, 0)
    finally:
        reader.close()


def verify_source(
    spec: Spec, config: Config, seconds: float, key: bytes, told: Callable[[float], None] | None = None
) -> Verdict:
    """Look at a camera, or at any other source, for so long.

    Raises:
        SourceError, ConfigError: It cannot be opened.
    """
    return _verdict(_shown(spec, config, seconds), key, told)


def _shown(spec: Spec, config: Config, seconds: float) -> Iterator[tuple[Luma, int]]:
    source = make_source(spec, config.wish, MonotonicClock())
    try:
        image = np.empty(source.open().size.image_shape, np.uint8)
        begun_ns = source.read_into(image)
        shown_ns = begun_ns
        while shown_ns - begun_ns < seconds * NS_PER_S:
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), shown_ns
            shown_ns = source.read_into(image)
    except (SourceEnded, SourceLost):
        return
    finally:
        source.close()


def _verdict(frames: Iterator[tuple[Luma, int]], key: bytes, told: Callable[[float], None] | None) -> Verdict:
    code, windows = Code.of(key), list[Found]()
    reader, window_ns, first_ns, last_ns = MarkReader(code), -1, 0, 0
    for luma, shown_ns in _without_bars(frames):
        if window_ns < 0:
            window_ns = first_ns = shown_ns
        if shown_ns - window_ns >= WINDOW_S * NS_PER_S:
            windows.append(reader.found())
            reader, window_ns = MarkReader(code), shown_ns
            if told is not None:
                told((shown_ns - first_ns) / NS_PER_S)
        reader.add(luma, shown_ns)
        last_ns = shown_ns
    # What is left over counts where it is long enough, or all there is.
    if not windows or last_ns - window_ns >= LEAST_S * NS_PER_S:
        windows.append(reader.found())
    return Verdict((last_ns - first_ns) / NS_PER_S, tuple(windows))


def _without_bars(frames: Iterator[tuple[Luma, int]]) -> Iterator[tuple[Luma, int]]:
    """The frames, without black bars around the picture; where it lies is told from the first ones."""
    first: list[tuple[Luma, int]] = []
    for frame in frames:
        first.append(frame)
        if len(first) == _BAR_FRAMES:
            break
    if not first:
        return
    brightest = np.max(np.stack([luma for luma, _ in first if luma.shape == first[0][0].shape]), axis=0)
    rows, columns = (_lit(brightest.max(axis=axis)) for axis in (1, 0))
    for luma, shown_ns in first:
        yield luma[rows, columns], shown_ns
    for luma, shown_ns in frames:
        yield luma[rows, columns], shown_ns


def _lit(levels: npt.NDArray[np.uint8]) -> slice:
    lit = np.flatnonzero(levels > _BAR_LEVEL)
    # A picture that is dark all over has no bars.
    return slice(int(lit[0]), int(lit[-1]) + 1) if len(lit) >= len(levels) // 4 else slice(None)
