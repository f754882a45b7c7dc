"""Plots."""

import re
from xml.etree import ElementTree as Tree

import numpy as np

from livecam.bench.quality.plots import Band, Line, plot


def drawn(values: list[float], *bands: Band) -> tuple[Tree.Element, str]:
    html = plot("A & B", "ms", 10.0, [Line("a <b>", "ours", np.array(values))], bands)
    return Tree.fromstring(html), html


def test_a_gap_lifts_the_pen() -> None:
    figure, _ = drawn([1, 2, float("nan"), 3, 4])
    line = next(path for path in figure.iter("path") if "line" in path.attrib["class"])
    assert re.sub(r"[^ML]", "", line.attrib["d"]) == "MLML"


def test_higher_values_are_drawn_higher_and_later_ones_to_the_right() -> None:
    figure, _ = drawn([0, 10])
    line = next(path for path in figure.iter("path") if "line" in path.attrib["class"])
    (x1, y1), (x2, y2) = ([float(n) for n in part.split()] for part in re.split("[ML]", line.attrib["d"])[1:])
    assert x1 < x2
    assert y1 > y2


def test_bands_legend_and_round_values() -> None:
    frames = np.array([False, True, True, False])
    figure, html = drawn([0, 1, 2, 3], Band("at rest", "still", frames))
    assert len([rect for rect in figure.iter("rect") if "still" in rect.attrib["class"]]) == 1
    assert "a &lt;b&gt;" in html
    assert "A &amp; B, ms" in html
    assert [text.text for text in figure.iter("text") if text.attrib["text-anchor"] == "end"] == ["0", "2"]


def test_nothing_known_is_an_empty_plot() -> None:
    figure, _ = drawn([float("nan")] * 3)
    assert not [path for path in figure.iter("path") if "line" in path.attrib["class"]]


def test_one_wild_frame_stays_inside() -> None:
    figure, _ = drawn([*([1.0] * 999), 1000.0])
    line = next(path for path in figure.iter("path") if "line" in path.attrib["class"])
    heights = [float(part.split()[1]) for part in re.split("[ML]", line.attrib["d"])[1:]]
    assert all(0 <= y <= 150 for y in heights)
