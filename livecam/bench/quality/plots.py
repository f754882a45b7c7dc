"""Plots of per-frame series as inline SVG. Colours come from the page's style, so that they follow light and dark."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

import numpy as np

from livecam.bench.quality.series import Curve, Frames, runs

_WIDTH, _HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 22
_MOST_POINTS: Final = 600
"""A longer series is thinned out: a screen has no more columns, and the page stays small."""


class Line(NamedTuple):
    """One series of a plot.

    Attributes:
        name: For the legend.
        style: Class of its colour in the page's style.
        values: (T,) f64; NaN leaves a gap.
    """

    name: str
    style: str
    values: Curve


class Band(NamedTuple):
    """Frames that are shaded.

    Attributes:
        name: For the legend.
        style: Class of its colour in the page's style.
        frames: (T,) bool.
    """

    name: str
    style: str
    frames: Frames


def plot(title: str, unit: str, fps: float, lines: Sequence[Line], bands: Sequence[Band] = ()) -> str:
    """A figure with the plot of `lines` over time in s, `bands` behind them, and a legend; HTML.

    Args:
        title: What is shown.
        unit: Of the values.
        fps: Frames a second.
        lines: At least one, all equally long.
        bands: Equally long.
    """
    seconds = max(len(lines[0].values) - 1, 1) / fps
    low, high = _range(lines)
    frame = _Frame(low, high, seconds)
    drawn = [*_shaded(bands, fps, frame), *_grid(frame), *(_path(line, fps, frame) for line in lines)]
    named = [(each.name, each.style) for each in lines] + [(each.name, each.style) for each in bands]
    legend = " ".join(f'<span class="key {style}">{escape(name)}</span>' for name, style in named)
    said = f"{title}, {unit}" if unit else title
    return (
        f"<figure><figcaption><b>{escape(said)}</b> {legend}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(said)}">{"".join(drawn)}</svg></figure>'
    )


class _Frame(NamedTuple):
    """Maps values into the picture."""

    low: float
    high: float
    seconds: float

    def x(self, second: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * second / self.seconds

    def y(self, value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (self.high - value) / (self.high - self.low)


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """Lowest and highest value that is drawn: one wild frame in a hundred may leave the picture."""
    values = np.concatenate([line.values for line in lines])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = min(0.0, float(values.min())), float(np.percentile(values, 99.5)) * 1.08
    return low, high if high > low else low + 1.0


def _path(line: Line, fps: float, frame: _Frame) -> str:
    step = max(1, len(line.values) // _MOST_POINTS)
    pen, parts = "M", []
    for number in range(0, len(line.values), step):
        value = float(line.values[number])
        if np.isnan(value):
            pen = "M"
            continue
        parts.append(f"{pen}{frame.x(number / fps):.1f} {frame.y(min(value, frame.high)):.1f}")
        pen = "L"
    return f'<path class="line {line.style}" d="{"".join(parts)}"/>' if parts else ""


def _shaded(bands: Sequence[Band], fps: float, frame: _Frame) -> list[str]:
    return [
        f'<rect class="band {band.style}" x="{frame.x(first / fps):.1f}" y="{_TOP}" '
        f'width="{max(1.0, frame.x(end / fps) - frame.x(first / fps)):.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"/>'
        for band in bands
        for first, end in runs(band.frames)
    ]


def _grid(frame: _Frame) -> list[str]:
    """Lines across with their values, and the seconds below."""
    across = [
        f'<path class="grid" d="M{_LEFT} {frame.y(value):.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_LEFT - 5}" y="{frame.y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>'
        for value in _round_values(frame.low, frame.high, 3)
    ]
    below = [
        f'<text x="{frame.x(second):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{second:.4g} s</text>'
        for second in _round_values(0, frame.seconds, 5)
        if frame.x(second) < _WIDTH - 20
    ]
    return across + below


def _round_values(low: float, high: float, about: int) -> list[float]:
    """About so many values from `low` to `high` that are round: 1, 2 or 5 and zeros apart."""
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [step * number for number in range(first, math.floor(high / step) + 1)]
