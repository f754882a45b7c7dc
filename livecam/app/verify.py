"""The free detector: whether livecam made a video, as far as its invisible mark and its visible label tell."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.app.convert_doors import check_source
from livecam.app.registry import make_source
from livecam.app.verdict import LEAST_S, Verdict
from livecam.app.verify_window import Labels, Window
from livecam.capture.reader import VideoReader
from livecam.capture.timeline import Timeline
from livecam.config import Config
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S
from livecam.core.spec import Spec
from livecam.errors import SourceEnded, SourceError
from livecam.privacy.label import WORDS
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_look import Found, Place
from livecam.privacy.mark_still import look_at_still

WINDOW_S: Final = 12.0
"""What is looked at in one go: three rounds of the mark's signs."""

_BAR_LEVEL: Final = 28
"""Rows and columns that have never been brighter than this are bars around the picture."""

Luma = npt.NDArray[np.uint8]
Told = Callable[[float], None]
"""Hears how many seconds were looked at."""


def verify_file(path: Path, key: bytes, told: Told | None = None, words: Sequence[str] = ()) -> Verdict:
    """Look at the video or the picture at `path`.

    Args:
        path: Of the file.
        key: Of this installation.
        told: Hears how far it has come.
        words: What the label may say besides livecam's own.

    Raises:
        SourceError: It is neither, or cannot be read.
    """
    check_source(path)
    reader = VideoReader(path)
    looking = _Looking(key, told, words)
    try:
        if reader.still:
            return looking.still(_gray(reader))
        problem = looking.all(_frames(reader))
    finally:
        reader.close()
    return looking.verdict(problem)


def _gray(reader: VideoReader) -> Luma:
    frame = reader.next()
    assert frame is not None, "a reader has a first frame"
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def _frames(reader: VideoReader) -> Iterator[tuple[Luma, int]]:
    timeline = Timeline(round(NS_PER_S / (reader.fps or 30)))
    while (frame := reader.next()) is not None:
        yield np.asarray(frame.to_ndarray(format="gray"), np.uint8), timeline.due_ns(frame, 0)


def verify_source(
    spec: Spec, config: Config, seconds: float, key: bytes, told: Told | None = None, words: Sequence[str] = ()
) -> Verdict:
    """Look at a camera, or at any other source, for so long; `words` as above.

    Raises:
        SourceError, ConfigError: It cannot be opened.
    """
    looking = _Looking(key, told, words)
    return looking.verdict(looking.all(_shown(spec, config, seconds)))


def _shown(spec: Spec, config: Config, seconds: float) -> Iterator[tuple[Luma, int]]:
    source = make_source(spec, config.wish, MonotonicClock())
    try:
        image = np.empty(source.open().size.image_shape, np.uint8)
        begun_ns = source.read_into(image)
        shown_ns = begun_ns
        while shown_ns - begun_ns < seconds * NS_PER_S:
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), shown_ns
            shown_ns = source.read_into(image)
    except SourceEnded:
        return
    finally:
        source.close()


class _Looking:
    """Looks at frames, window by window."""

    def __init__(self, key: bytes, told: Told | None, words: Sequence[str]) -> None:
        self._code = Code.of(key)
        self._labels = LabelReader(list(dict.fromkeys((*words, *WORDS.values()))))
        self._told = told
        self._windows: list[Found] = []
        self._seen = Labels(0)
        self._place: Place | None = None
        self._seconds = 0.0

    def still(self, luma: Luma) -> Verdict:
        """What is in a single picture."""
        inner = luma[_lit(luma.max(axis=1)), _lit(luma.max(axis=0))]
        # What is dark at its edges has no bars: both are looked at.
        found = max((look_at_still(each, self._code) for each in (luma, inner)), key=lambda one: one.score)
        seen = self._labels(luma)
        return Verdict(0.0, (found,), Labels(1, Counter([seen.text] if seen is not None else [])), still=True)

    def all(self, frames: Iterator[tuple[Luma, int]]) -> str:
        """Look at all frames; what kept it from going on to the end, in a sentence.

        Raises:
            SourceError: There was not one frame.
        """
        window, window_ns, first_ns = self._window(), -1, 0
        try:
            for whole, inner, shown_ns in _within_bars(frames):
                if window_ns < 0:
                    window_ns = first_ns = shown_ns
                if shown_ns - window_ns >= WINDOW_S * NS_PER_S:
                    self._end(window)
                    window, window_ns = self._window(), shown_ns
                window.add(whole, inner, shown_ns)
                self._seconds = (shown_ns - first_ns) / NS_PER_S
        except SourceError as error:
            if window_ns < 0:
                raise
            problem = f"{error.what} What comes after {self._seconds:.0f} s was not looked at."
        else:
            problem = ""
        # What is left over counts where it is long enough, or all there is.
        if not self._windows or self._seconds - (window_ns - first_ns) / NS_PER_S >= LEAST_S:
            self._end(window)
        return problem

    def verdict(self, problem: str) -> Verdict:
        """What was found in the frames."""
        return Verdict(self._seconds, tuple(self._windows), self._seen, problem=problem)

    def _window(self) -> Window:
        return Window(self._code, self._labels)

    def _end(self, window: Window) -> None:
        found = window.found(self._place, _searched(len(self._windows) + 1))
        self._windows.append(found)
        if found.sure:
            self._place = found.place
        self._seen += window.labels(self._place)
        if self._told is not None:
            self._told(self._seconds)


def _searched(number: int) -> bool:
    """Whether the window with that number, from 1 on, is searched for a part: 1, 2, 3, 4, 6, 8, 12, 16 and so on.

    So a video of any length takes a few searches, and what lasts half as long as what came before it is found.
    """
    while number > 3 and number % 2 == 0:
        number //= 2
    return number <= 3


def _within_bars(frames: Iterator[tuple[Luma, int]]) -> Iterator[tuple[Luma, Luma, int]]:
    """The frames, each also without black bars around the picture: what has never been bright since the video began.

    Not told from the first frames alone: what livecam records begins with the slate, which is dark at its edges.
    """
    brightest: Luma | None = None
    for luma, shown_ns in frames:
        if brightest is None or brightest.shape != luma.shape:
            brightest = luma.copy()
        np.maximum(brightest, luma, out=brightest)
        rows, columns = (_lit(brightest.max(axis=axis)) for axis in (1, 0))
        yield luma, luma[rows, columns], shown_ns


def _lit(levels: npt.NDArray[np.uint8]) -> slice:
    lit = np.flatnonzero(levels > _BAR_LEVEL)
    # A picture that is dark all over has no bars.
    return slice(int(lit[0]), int(lit[-1]) + 1) if len(lit) >= len(levels) // 4 else slice(None)
