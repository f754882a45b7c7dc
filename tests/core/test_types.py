"""Sizes, faces, specs, cleared pictures and percentiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.cleared import Cleared, How
from livecam.core.face import TOPOLOGY_POINTS, Box, Landmarks, Topology, box_of
from livecam.core.frame import Size
from livecam.core.mint import MINT, Mint
from livecam.core.spec import parse_spec
from livecam.core.stats import Histogram
from livecam.errors import ConfigError, LivecamError


def test_sizes() -> None:
    size = Size.parse("1280x720")
    assert (size, str(size)) == (Size(1280, 720), "1280x720")
    assert (size.image_shape, size.picture_shape) == ((720, 1280, 3), (1080, 1280))


@pytest.mark.parametrize("text", ["", "1280", "1280x", "x720", "12ax720", "1281x720", "1280x721", "32x32", "9000x720"])
def test_sizes_that_cannot_be_used_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size|has a side"):
        Size.parse(text)


@pytest.mark.parametrize("topology", Topology)
def test_five_points_come_from_every_topology(topology: Topology) -> None:
    rows = TOPOLOGY_POINTS[topology][0]
    points = np.stack([np.arange(rows), np.arange(rows) * 2], axis=1).astype(np.float32)
    five = Landmarks(points, topology).five
    assert five.shape == (5, 2)
    assert five.dtype == np.float32


def test_five_points_of_the_mesh_are_the_middle_of_the_eyes() -> None:
    points = np.zeros((478, 2), dtype=np.float32)
    points[33], points[133], points[1] = (10, 20), (20, 20), (30, 40)
    five = Landmarks(points, Topology.MESH468).five
    assert five[0].tolist() == [15, 20]
    assert five[2].tolist() == [30, 40]


@pytest.mark.parametrize("shape", [(467, 2), (468, 3), (936,)])
def test_landmarks_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mesh468 landmarks"):
        Landmarks(np.zeros(shape, dtype=np.float32), Topology.MESH468)


def test_boxes() -> None:
    box = box_of(np.array([[1, 2], [5, 10]], dtype=np.float32))
    assert box == Box(1, 2, 5, 10)
    assert (box.width, box.height, box.area, box.centre) == (4, 8, 32, (3, 6))
    assert box.grown(0.5) == Box(-1, -2, 7, 14)
    assert box.iou(box) == 1.0
    assert box.iou(Box(5, 2, 9, 10)) == 0.0
    assert box.overlap(Box(3, 2, 9, 10)) == 16
    assert Box(0, 0, 0, 0).iou(Box(0, 0, 0, 0)) == 0.0


def test_only_the_mint_clears() -> None:
    picture = np.zeros((96, 64), dtype=np.uint8)
    assert Cleared(MINT, picture, 1, 2, 3, How.SWAPPED).seq == 1
    with pytest.raises(TypeError, match="Only the gate"):
        Cleared(Mint(), picture, 1, 2, 3, How.SWAPPED)


def test_specs() -> None:
    spec = parse_spec("file:a/b.mp4?loop=0&pace=1")
    assert (spec.kind, spec.target, spec.params) == ("file", "a/b.mp4", {"loop": "0", "pace": "1"})
    assert (spec.flag("loop", True), spec.flag("pace", False), spec.flag("other", True)) == (False, True, True)
    assert parse_spec("synthetic?faces=2").number("faces", 1) == 2
    assert parse_spec("synthetic").number("faces", 1) == 1
    assert parse_spec("camera:/dev/video0").target == "/dev/video0"
    assert parse_spec("stream:http://h/x?token=1").target == "http://h/x?token=1"
    spec.known("loop", "pace")


@pytest.mark.parametrize("text", ["", "  ", ":x"])
def test_a_spec_without_a_kind_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no spec"):
        parse_spec(text)


def test_bad_parameters_are_named() -> None:
    spec = parse_spec("file:x?loop=yes&n=abc")
    with pytest.raises(ConfigError, match="loop='yes'"):
        spec.flag("loop", True)
    with pytest.raises(ConfigError, match="n='abc'"):
        spec.number("n", 0)
    with pytest.raises(ConfigError, match=r"knows no parameter 'loop'.*known: none"):
        spec.known()


def test_errors_say_what_and_what_next() -> None:
    error = LivecamError("The cat sat.", "Feed it.")
    assert (str(error), error.what, error.next_step) == ("The cat sat. Feed it.", "The cat sat.", "Feed it.")
    assert str(LivecamError("The cat sat.")) == "The cat sat."


@settings(deadline=None)
@given(st.lists(st.integers(1_000, 10**10), min_size=1, max_size=200), st.sampled_from([5, 50, 95, 99]))
def test_percentiles_are_within_a_bucket_of_the_truth(values: list[int], percent: int) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    truth = float(np.percentile(values, percent, method="inverted_cdf")) / 1e6
    assert histogram.percentile_ms(percent) == pytest.approx(truth, rel=0.03)
    assert histogram.mean_ms() == pytest.approx(np.mean(values) / 1e6)


def test_an_empty_histogram_says_zero() -> None:
    assert (Histogram().percentile_ms(50), Histogram().mean_ms()) == (0.0, 0.0)


def test_what_was_added_since_a_snapshot() -> None:
    histogram = Histogram()
    histogram.add(1_000_000)
    snapshot = histogram.copy()
    for _ in range(3):
        histogram.add(9_000_000)
    since = histogram.since(snapshot)
    assert since.count == 3
    assert since.percentile_ms(50) == pytest.approx(9.0, rel=0.03)
    assert histogram.count == 4


def test_how_many_lie_below_a_limit() -> None:
    histogram = Histogram()
    for duration_ms in (5, 5, 20, 20, 20, 300):
        histogram.add(duration_ms * 1_000_000)
    assert [histogram.below(limit_ms) for limit_ms in (0.0, 1, 10, 100, 1000)] == [0, 0, 2, 5, 6]
