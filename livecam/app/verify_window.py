"""A stretch of a video that is verified in one go: the mark in the whole picture or in a part of it, and the label."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import NS_PER_S
from livecam.privacy.label_reader import LabelReader
from livecam.privacy.mark_code import Code
from livecam.privacy.mark_look import Found, Place
from livecam.privacy.mark_reader import MarkReader
from livecam.privacy.mark_search import Screen

Luma = npt.NDArray[np.uint8]

_SAMPLE_NS: Final = NS_PER_S // 2
_SAMPLE_PX: Final = 1280
_MARGIN: Final = 0.01
"""A place that was found is this much too small or too large."""


@dataclass(frozen=True, slots=True)
class Labels:
    """How the visible label fared.

    Attributes:
        pictures: Looked at.
        texts: Of the label, with how many of them carry it; "" for words that are not known here.
    """

    pictures: int
    texts: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Labels") -> "Labels":
        return Labels(self.pictures + other.pictures, self.texts + other.texts)

    @property
    def share(self) -> float:
        """Of the pictures that carry it."""
        return self.texts.total() / self.pictures if self.pictures else 0.0


class Window:
    """Takes the frames of some seconds. One thread.

    Args:
        code: Of this installation.
        labels: Reads labels.
    """

    def __init__(self, code: Code, labels: LabelReader) -> None:
        self._reader = MarkReader(code)
        self._screen = Screen(code)
        self._labels = labels
        self._samples: list[tuple[Luma, Luma]] = []
        self._sampled_ns = 0

    def add(self, whole: Luma, inner: Luma, shown_ns: int) -> None:
        """Look at one frame.

        Args:
            whole: (H, W) u8.
            inner: The same without black bars around it.
            shown_ns: When it is shown.
        """
        self._reader.add(inner, shown_ns)
        self._screen.add(whole, shown_ns)
        if not self._samples or shown_ns - self._sampled_ns >= _SAMPLE_NS:
            self._sampled_ns = shown_ns
            self._samples.append((_small(whole), _small(inner)))

    def found(self, place: Place | None, searches: bool) -> Found:
        """What of the mark is in it.

        Args:
            place: Where in the picture it was before.
            searches: Whether to search all of the picture for it, which takes seconds.
        """
        found = self._reader.found()
        if found.sure:
            return found
        part = self._screen.at(place) if place is not None else None
        if searches and not (part is not None and part.sure):
            part = self.search()
        return part if part is not None and part.sure else found

    def search(self) -> Found | None:
        """The likeliest part of the picture; None where there is too little to look at. Takes seconds."""
        return self._screen.search()

    def labels(self, place: Place | None) -> Labels:
        """What of the label is in it: at `place`, else at the top right of the whole."""
        texts = Counter[str]()
        for whole, inner in self._samples:
            seen = self._labels(inner if place is None else _part(whole, place))
            if seen is not None:
                texts[seen.text] += 1
        return Labels(len(self._samples), texts)


def _small(luma: Luma) -> Luma:
    """A copy, no wider than labels need."""
    height, width = luma.shape
    scale = min(1.0, _SAMPLE_PX / width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8).copy()


def _part(whole: Luma, place: Place) -> Luma:
    height, width = whole.shape
    left, right = place.left + _MARGIN * place.width, place.left + place.width
    top, bottom = place.top, place.top + place.height
    rows = slice(max(round(top * height), 0), min(round(bottom * height), height))
    return whole[rows, max(round(left * width), 0) : min(round(right * width), width)]
