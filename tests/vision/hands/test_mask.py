import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.frame import Points
from livecam.core.geometry import transform
from livecam.errors import ContractError
from livecam.vision.hands.follow import Hand
from livecam.vision.hands.landmarks import HandFit
from livecam.vision.hands.mask import MOST_OF_FACE, MOST_OF_MIDDLE, refuse_bare, shade_of
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.occlude import Shade
from tests.vision.hands.stands import hand_mask, hand_points, with_hand
from tests.vision.mesh.drawn import SHAPE, face_of, neutral, picture_of, points_of

FACE = face_of(points_of(neutral()))
PICTURE = picture_of(points_of(neutral()))
ABOUT = st.floats(-0.5, 1.5)


def hand(points: Points) -> Hand:
    return Hand(HandFit(points, 1.0))


def in_frame(shade: Shade) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return shade.into(np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros(SHAPE[:2], np.uint8))


def test_a_hand_on_the_cheek_is_shaded_and_nothing_else() -> None:
    points = hand_points((180, 330), 60, -10)
    shade = shade_of((hand(points),), with_hand(PICTURE, points), FACE)
    assert shade is not None
    found, truth = in_frame(shade), hand_mask(points, SHAPE)
    box = slice(80, 280), slice(160, 320)
    shaded, true = found[box] > 127, truth[box] > 127
    assert true.sum() > 2000
    assert (shaded & true).sum() > 0.9 * true.sum()
    assert (shaded & ~true).sum() < 0.3 * true.sum()


def test_a_hand_beside_the_face_shades_nothing() -> None:
    assert shade_of((hand(hand_points((60, 330), 50)),), PICTURE, FACE) is None
    assert shade_of((), PICTURE, FACE) is None


def test_a_face_outside_the_frame_has_no_shade() -> None:
    away = face_of(points_of(neutral(), centre=(900, 180)))
    assert shade_of((hand(hand_points((900, 250), 60)),), PICTURE, away) is None


def test_a_hand_over_the_whole_face_is_refused() -> None:
    with pytest.raises(ContractError, match="Hands cover"):
        shade_of((hand(hand_points((240, 330), 180)),), PICTURE, FACE)


def test_what_hides_the_middle_is_refused_though_much_of_the_face_is_left() -> None:
    oval = np.full((100, 100), 255, np.uint8)
    five = np.array([[35, 40], [65, 40], [50, 52], [40, 65], [60, 65]], np.float32)
    mask = np.zeros((100, 100), np.uint8)
    mask[30:75, 25:75] = 255
    with pytest.raises(ContractError, match="of its middle"):
        refuse_bare(mask, oval, five)
    mask[30:75, 25:75] = 0
    mask[60:] = 255
    refuse_bare(mask, oval, five)


@settings(max_examples=100, deadline=None)
@given(
    spots=st.lists(st.tuples(ABOUT, ABOUT, ABOUT), min_size=21, max_size=21),
    more=st.none() | st.tuples(ABOUT, ABOUT, st.floats(0.05, 2.0), st.floats(-180, 180)),
)
def test_no_hand_whatever_its_shape_leaves_the_wearer_bare(
    spots: list[tuple[float, float, float]], more: tuple[float, float, float, float] | None
) -> None:
    """A hand network that sees hands where there are none, of any shape, two of them: the frame is withheld, or enough
    of the face is painted."""
    low = np.array([FACE.box.x1, FACE.box.y1, -50])
    size = np.array([FACE.box.width, FACE.box.height, 100])
    hands = [hand((np.array(spots) * size + low).astype(np.float32))]
    if more is not None:
        x, y, length, degrees = more
        wrist = (FACE.box.x1 + x * FACE.box.width, FACE.box.y1 + y * FACE.box.height)
        hands.append(hand(hand_points(wrist, length * FACE.box.height / 2, degrees)))
    try:
        shade = shade_of(tuple(hands), PICTURE, FACE)
    except ContractError:
        return
    if shade is None:
        return
    bare = in_frame(shade).astype(float) / 255
    five = FACE.landmarks.five
    (x1, y1), (x2, y2) = five.min(axis=0).astype(int), five.max(axis=0).astype(int)
    margin = (0.15 * np.ptp(five, axis=0)).astype(int)
    assert bare[y1 - margin[1] : y2 + margin[1], x1 - margin[0] : x2 + margin[0]].mean() <= MOST_OF_MIDDLE + 0.05
    oval = hull_mask(FACE.landmarks.points[TOPOLOGY.oval])
    assert bare[oval].mean() <= MOST_OF_FACE + 0.05


def hull_mask(points: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(SHAPE[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255)
    return mask > 0


def test_a_shade_lands_where_a_matrix_takes_it() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[10, 15] = 255
    shade = Shade(mask, 100, 50, 4)
    # The middle of cell (15, 10) in px of the frame.
    middle = np.array([[100 + 15 * 4 + 1.5, 50 + 10 * 4 + 1.5]], np.float32)
    matrix = np.array([[0.5, 0.1, -20.0], [-0.1, 0.5, 10.0]])
    out = shade.into(matrix, np.zeros((128, 128), np.uint8))
    rows, columns = np.nonzero(out)
    weights = out[rows, columns].astype(float)
    x, y = transform(matrix, middle)[0]
    assert np.average(columns, weights=weights) == pytest.approx(x, abs=0.3)
    assert np.average(rows, weights=weights) == pytest.approx(y, abs=0.3)
