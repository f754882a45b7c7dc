"""The detectors: anchors, decoding and suppression against brute force, and both networks on the drawn persona."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livecam.core.face import Box
from livecam.core.frame import Image, Points
from livecam.core.seams import TensorSpec
from livecam.errors import ContractError, ModelError
from livecam.vision.mesh.detect import (
    AnchorDetector,
    Candidates,
    FullRangeDetector,
    ShortRangeDetector,
    decode,
    five_of,
    full_range_anchors,
    overlaps,
    short_range_anchors,
    suppress,
)
from tests.vision.mesh.scenes import FULL_ANCHORS, SHORT_ANCHORS, FakeEngine, detector_engine, placed, portrait

coordinate = st.integers(0, 60).map(float)


def boxes_of(most: int = 8) -> st.SearchStrategy[Points]:
    """(K, 4) f32 boxes with whole, non-negative sides."""
    raw = hnp.arrays(np.float32, st.tuples(st.integers(1, most), st.just(4)), elements=coordinate)
    return raw.map(lambda rows: np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1))


def test_short_range_anchors_are_two_layers() -> None:
    slow = [
        ((x + 0.5) / n, (y + 0.5) / n)
        for n, k in ((16, 2), (8, 6))
        for y in range(n)
        for x in range(n)
        for _ in range(k)
    ]
    np.testing.assert_allclose(short_range_anchors(), np.array(slow), atol=1e-7)
    assert len(slow) == SHORT_ANCHORS


def test_full_range_anchors_are_one_layer() -> None:
    slow = [((x + 0.5) / 48, (y + 0.5) / 48) for y in range(48) for x in range(48)]
    np.testing.assert_allclose(full_range_anchors(), np.array(slow), atol=1e-7)
    assert len(slow) == FULL_ANCHORS


@settings(deadline=None)
@given(boxes_of())
def test_overlaps_agrees_with_box_iou(corners: Points) -> None:
    boxes = [Box(*row) for row in corners.tolist()]
    slow = [[a.iou(b) for b in boxes] for a in boxes]
    np.testing.assert_allclose(overlaps(corners), slow, atol=1e-6)


@given(boxes_of(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_suppress_agrees_with_the_plain_algorithm(corners: Points, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.permutation(np.linspace(0.3, 0.9, len(corners))).astype(np.float32)
    keypoints = random.random((len(corners), 6, 2), np.float32) * 60
    found = suppress(Candidates(corners, keypoints, scores), 0.3)
    left = sorted(range(len(corners)), key=lambda i: -scores[i])
    row = 0
    while left:
        best = Box(*corners[left[0]].tolist())
        cluster = [i for i in left if i == left[0] or best.iou(Box(*corners[i].tolist())) > 0.3]
        weights = scores[cluster] / scores[cluster].sum()
        np.testing.assert_allclose(found.corners[row], weights @ corners[cluster], atol=1e-3)
        np.testing.assert_allclose(found.keypoints[row], np.tensordot(weights, keypoints[cluster], 1), atol=1e-3)
        assert found.scores[row] == scores[left[0]]
        left = [i for i in left if i not in cluster]
        row += 1
    assert row == len(found.scores)


def test_decode_adds_the_anchor_and_keeps_the_threshold() -> None:
    boxes = np.arange(48, dtype=np.float32).reshape(3, 16)
    anchors = np.array([[10, 20], [30, 40], [50, 60]], np.float32)
    found = decode(boxes, np.array([0.49, 0.5, 0.9], np.float32), anchors, 0.5)
    assert found.scores.tolist() == pytest.approx([0.5, 0.9])
    # Row 1: centre (16, 17) + (30, 40), size (18, 19); first keypoint (20, 21) + (30, 40).
    np.testing.assert_allclose(found.corners[0], [46 - 9, 57 - 9.5, 46 + 9, 57 + 9.5])
    np.testing.assert_allclose(found.keypoints[0, 0], [50, 61])
    np.testing.assert_allclose(found.keypoints[1, 5], [32 + 14 + 50, 32 + 15 + 60])


def planted(width: int, height: int, box: Box, side: int = 128) -> ShortRangeDetector:
    """A detector whose network reports `box`, px of a width x height frame, at the first anchor."""
    scale, half = side / max(width, height), side / 2
    anchor = short_range_anchors()[0] * side
    x, y = ((c - s / 2) * scale + half for c, s in zip(box.centre, (width, height), strict=True))
    boxes, scores = np.zeros((SHORT_ANCHORS, 16), np.float32), np.zeros(SHORT_ANCHORS, np.float32)
    boxes[0, :4] = x - anchor[0], y - anchor[1], box.width * scale, box.height * scale
    boxes[0, 4:] = np.tile([x - anchor[0], y - anchor[1]], 6)
    scores[0] = 0.8
    return ShortRangeDetector(detector_engine(SHORT_ANCHORS, side, boxes, scores))


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (128, 128), (641, 360), (60, 100)])
def test_a_planted_box_comes_back_in_frame_px(width: int, height: int) -> None:
    box = Box(0.3 * width, 0.4 * height, 0.5 * width, 0.7 * height)
    (found,) = planted(width, height, box)(np.zeros((height, width, 3), np.uint8), 0.5)
    tolerance = 1.1 * max(width, height) / 128  # the picture's sides are rounded to whole px of the network
    np.testing.assert_allclose(found.box, box, atol=tolerance)
    np.testing.assert_allclose(found.landmarks.points[0], box.centre, atol=tolerance)
    assert found.score == pytest.approx(0.8)


def test_nothing_above_the_threshold_is_nothing() -> None:
    assert planted(320, 240, Box(10, 10, 60, 60))(np.zeros((240, 320, 3), np.uint8), 0.81) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (480, 640), (200, 150), (64, 64)])
def test_shrink_puts_the_picture_where_the_fit_says(width: int, height: int) -> None:
    detector = ShortRangeDetector(detector_engine(SHORT_ANCHORS, 128))
    image: Image = np.full((height, width, 3), 60, np.uint8)
    x1, y1, x2, y2 = width // 2, height // 4, width // 2 + width // 8, height // 4 + height // 4
    image[y1:y2, x1:x2] = (250, 130, 10)
    out = np.full((128, 128, 3), 77, np.uint8)
    fit = detector.shrink(image, out)
    columns, rows = round(width * fit.scale_x), round(height * fit.scale_y)
    inside = np.zeros((128, 128), bool)
    inside[fit.top : fit.top + rows, fit.left : fit.left + columns] = True
    assert max(columns, rows) == 128
    assert not out[~inside].any()
    assert (out[inside].min(axis=0) > 0).all()
    x = round((x1 + x2) / 2 * fit.scale_x) + fit.left
    y = round((y1 + y2) / 2 * fit.scale_y) + fit.top
    assert out[y, x].tolist() == [250, 130, 10]


def test_five_points_turn_with_the_eyes() -> None:
    keypoints = np.array([[40, 50], [60, 50], [50, 62], [50, 72], [30, 55], [70, 55]], np.float32)
    five = five_of(keypoints)
    np.testing.assert_allclose(five[:3], keypoints[:3])
    np.testing.assert_allclose(five[3:].mean(axis=0), keypoints[3])
    angle = math.radians(30)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32)
    np.testing.assert_allclose(five_of(keypoints @ turn.T), five @ turn.T, atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"image": (1, 3, 128, 128)}, {"boxes": (896, 16), "scores": (896,)}),
        ({"picture": (1, 128, 128, 3)}, {"boxes": (896, 16), "scores": (896,)}),
        ({"image": (1, 128, 128, 3)}, {"boxes": (2304, 16), "scores": (2304,)}),
        ({"image": (1, 128, 128, 3)}, {"boxes": (896, 16)}),
    ],
)
def test_another_network_is_refused(inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]]) -> None:
    engine = FakeEngine(
        {name: TensorSpec(shape, "uint8") for name, shape in inputs.items()},
        {name: TensorSpec(shape, "float32") for name, shape in outputs.items()},
        lambda _: {},
    )
    with pytest.raises(ModelError):
        ShortRangeDetector(engine)


def face_of(height: int) -> Image:
    """The persona in a 1280x720 frame, so small that its picture is `height` px high."""
    image = portrait()
    scale = height / image.shape[0]
    frame = np.full((720, 1280, 3), 96, np.uint8)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame[200 : 200 + small.shape[0], 500 : 500 + small.shape[1]] = small
    return frame


@pytest.mark.parametrize("name", ["short_range", "full_range"])
def test_both_networks_find_the_persona(name: str, request: pytest.FixtureRequest) -> None:
    detector: AnchorDetector = request.getfixturevalue(name)
    (found,) = detector(face_of(500), 0.5)
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks.five.tolist()
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]
    assert 500 < found.box.centre[0] < 1280


def test_only_the_full_range_sees_a_far_face(short_range: ShortRangeDetector, full_range: FullRangeDetector) -> None:
    frame = face_of(160)
    assert short_range(frame, 0.5) == []
    assert len(full_range(frame, 0.5)) == 1


@pytest.mark.parametrize("degrees", [-35, 0, 35])
def test_the_roll_can_be_derived(degrees: float, short_range: ShortRangeDetector) -> None:
    image = portrait()
    height, width = image.shape[:2]
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 0.7), np.float64)
    (found,) = short_range(placed(image, matrix, width, height), 0.5)
    left, right = found.landmarks.five[:2]
    assert math.degrees(math.atan2(right[1] - left[1], right[0] - left[0])) == pytest.approx(degrees, abs=6)


def test_running_from_a_shrunk_picture_is_the_same(full_range: FullRangeDetector) -> None:
    frame = face_of(300)
    shrunk = np.empty((full_range.side, full_range.side, 3), np.uint8)
    fit = full_range.shrink(frame, shrunk)
    frame_before = frame.copy()
    frame[:] = 0
    again = full_range.detect_shrunk(shrunk, fit, 0.5)
    assert [found.box for found in again] == [found.box for found in full_range(frame_before, 0.5)]


@pytest.mark.parametrize("what", ["boxes", "scores"])
def test_values_that_are_no_numbers_are_not_taken_for_an_empty_room(what: str) -> None:
    answer = {"boxes": np.zeros((SHORT_ANCHORS, 16), np.float32), "scores": np.zeros(SHORT_ANCHORS, np.float32)}
    answer[what].flat[7] = np.nan
    detector = ShortRangeDetector(detector_engine(SHORT_ANCHORS, 128, **answer))
    with pytest.raises(ContractError, match="values that are no numbers"):
        detector(portrait(), 0.5)
