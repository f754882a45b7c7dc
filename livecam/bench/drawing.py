"""The histogram of a latency measurement as a picture, drawn with OpenCV."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livecam.bench.latency import Measurement
from livecam.core.frame import NS_PER_MS, Image
from livecam.errors import LivecamError

_WIDTH, _HEIGHT = 960, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 930, 120, 460
_MOST_BINS = 60
_STEPS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_INK, _GREY, _PALE, _BAR = (40, 40, 40), (120, 120, 120), (228, 228, 228), (196, 148, 74)
_LINES: Final = ((50, (60, 140, 40)), (95, (0, 120, 220)), (99, (40, 40, 200)))


def draw(measurement: Measurement) -> Image:
    """The histogram, (540, 960, 3) u8 BGR. What is older than the axis reaches is counted in the last bar.

    Raises:
        LivecamError: Nothing was measured.
    """
    ages_ms = measurement.figures.ages_ns / NS_PER_MS
    if not len(ages_ms):
        raise LivecamError("There is nothing to draw: no frame was measured.")
    image = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    step_ms, end_ms = _axis(ages_ms)
    counts = np.bincount((np.minimum(ages_ms, end_ms - 1e-6) / step_ms).astype(np.intp), minlength=end_ms // step_ms)
    _grid(image, end_ms, int(counts.max()))
    _bars(image, counts)
    _marks(image, ages_ms, end_ms)
    _words(image, measurement, int((ages_ms >= end_ms).sum()), end_ms)
    return image


def write(measurement: Measurement, path: Path) -> None:
    """Write the histogram as PNG.

    Raises:
        LivecamError: Nothing was measured, or the file cannot be written.
    """
    _, data = cv2.imencode(".png", draw(measurement))
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise LivecamError(f"{path} cannot be written: {error.strerror}.", "Name another file with --png.") from error


def _axis(ages_ms: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Width of a bar and end of the axis, ms: to a third above the 99th percentile, in at most 60 bars."""
    reach_ms = max(float(np.percentile(ages_ms, 99)) * 4 / 3, 12.0)
    step_ms = next((step for step in _STEPS_MS if reach_ms / step <= _MOST_BINS), _STEPS_MS[-1])
    return step_ms, int(np.ceil(reach_ms / step_ms)) * step_ms


def _grid(image: Image, end_ms: int, most: int) -> None:
    tick_ms = next((step for step in _STEPS_MS if end_ms / step <= 12), _STEPS_MS[-1])
    for value_ms in range(0, end_ms + 1, tick_ms):
        x = _x(value_ms, end_ms)
        cv2.line(image, (x, _TOP), (x, _BOTTOM), _PALE, 1)
        _text(image, f"{value_ms}", x - 5 * len(str(value_ms)), _BOTTOM + 22, _GREY)
    cv2.line(image, (_LEFT, _BOTTOM), (_RIGHT, _BOTTOM), _INK, 1)
    _text(image, f"{most}", 10, _TOP + 6, _GREY)
    _text(image, "frames", 10, _TOP + 26, _GREY)
    _text(image, "age at the reader, ms", _RIGHT - 190, _BOTTOM + 44, _GREY)


def _bars(image: Image, counts: npt.NDArray[np.intp]) -> None:
    edges = np.round(np.linspace(_LEFT, _RIGHT, len(counts) + 1)).astype(int)
    tops = np.round(_BOTTOM - counts / counts.max() * (_BOTTOM - _TOP)).astype(int)
    for left, right, top, count in zip(edges, edges[1:], tops, counts, strict=False):
        if count:
            # A bar of one frame among a thousand must still be seen.
            cv2.rectangle(image, (int(left) + 1, min(int(top), _BOTTOM - 2)), (int(right) - 1, _BOTTOM - 1), _BAR, -1)


def _marks(image: Image, ages_ms: npt.NDArray[np.float64], end_ms: int) -> None:
    for place, (percent, colour) in enumerate(_LINES):
        value_ms = float(np.percentile(ages_ms, percent))
        x = _x(value_ms, end_ms)
        cv2.line(image, (x, _TOP - 8), (x, _BOTTOM), colour, 2, cv2.LINE_AA)
        _text(image, f"p{percent} {value_ms:.1f} ms", _LEFT + 150 * place, _TOP - 20, colour)


def _words(image: Image, measurement: Measurement, beyond: int, end_ms: int) -> None:
    found = measurement.figures
    _text(image, "livecam: camera to reader", _LEFT, 36, _INK, 0.8)
    _text(image, str(measurement.setup), _LEFT, 66, _GREY)
    counts = f"{found.measured} frames, {found.dropped} dropped, {found.duplicates} repeated"
    rest = f", {beyond} older than {end_ms} ms" if beyond else ""
    _text(image, f"{counts}, {found.new_fps:.1f} new frames a second{rest}", _LEFT, _BOTTOM + 68, _INK)


def _x(value_ms: float, end_ms: int) -> int:
    return round(_LEFT + min(value_ms / end_ms, 1.0) * (_RIGHT - _LEFT))


def _text(image: Image, text: str, x: int, y: int, colour: tuple[int, int, int], scale: float = 0.5) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
