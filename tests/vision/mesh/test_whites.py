import math

import cv2
import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Image, Points
from livecam.core.settings import Settings
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.raster import Grid
from livecam.vision.mesh.scratch import Scratch
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mesh.whites import EyeGains, EyeLighter, Warped, Whites, eyes_of, openness_of, white_of
from livecam.vision.step import Step
from tests.vision.mesh.drawn import drawn_identity, face_of, frame_of, neutral, persona_of, picture_of, points_of

DARK, FAIR = (40, 50, 70), (150, 180, 220)
WHITE = 230


def gains(wearer: float, persona: float, skin: float, openness: float = 1.0) -> EyeGains:
    whites, white, around = Whites(), np.full(3, 1, np.float32), np.full((2, 3), skin, np.float32)
    whites.learn(white * wearer, white * persona, around, openness)
    return whites(around)


def whites_after(persona: tuple[int, int, int], wearer: tuple[int, int, int]) -> float:
    """How light the whites of the eyes are when somebody is painted over somebody."""
    points = points_of(neutral())
    canvas = CpuCanvas()
    canvas.load(frame_of(picture_of(points, wearer)))
    MeshSwapper(grain=0)(canvas, face_of(points), persona_of(drawn_identity(persona)), Settings(shape=0.0))
    return lightness_beside_irises(canvas.pixels, points)


def lightness_beside_irises(image: Image, points: Points) -> float:
    """The lightest px between corner and iris, mean of the four."""
    beside = []
    for eye, iris in zip(TOPOLOGY.eyes, (468, 473), strict=True):
        for corner in (eye[0], eye[len(eye) // 2]):
            x, y = np.rint((points[corner, :2] + points[iris, :2]) / 2).astype(int).tolist()
            beside.append(float(image[y - 1 : y + 2, x - 1 : x + 2].mean(axis=2).max()))
    return float(np.mean(beside))


@pytest.mark.parametrize(("persona", "wearer"), [(DARK, FAIR), (FAIR, DARK)])
def test_eyes_stay_as_white_as_the_wearer_s_when_the_skin_changes(
    persona: tuple[int, int, int], wearer: tuple[int, int, int]
) -> None:
    """Lit like the skin, they would be at 255, and at 100."""
    points = points_of(neutral())
    before = lightness_beside_irises(picture_of(points, wearer), points)
    assert whites_after(persona, wearer) == pytest.approx(before, abs=18)


def test_the_white_is_found_among_iris_and_glints() -> None:
    points = points_of(neutral(), height=500.0, centre=(300.0, 300.0))
    image = picture_of(points, FAIR, (700, 640, 3))
    assert white_of(image, points) == pytest.approx([WHITE] * 3, abs=8)
    x, y = np.rint(points[468, :2]).astype(int).tolist()
    image[y - 4 : y + 4, x - 4 : x + 4] = 255
    assert white_of(image, points) == pytest.approx([WHITE] * 3, abs=8)


def test_black_eyes_give_gains_that_are_finite() -> None:
    assert (white_of(np.zeros((360, 480, 3), np.uint8), points_of(neutral())) > 0).all()


def test_the_light_on_eyes_is_what_whites_say() -> None:
    assert gains(200, 160, 2.0).eyes == pytest.approx(1.25)
    assert gains(120, 160, 0.5).eyes == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("skin", "wearer", "limit"), [(2.0, 20, 1.0), (2.0, 900, 2.0), (0.5, 20, 0.5), (0.5, 900, 1.0)]
)
def test_eyes_that_cannot_be_read_are_lit_between_the_skin_s_gain_and_none(
    skin: float, wearer: float, limit: float
) -> None:
    assert gains(wearer, 160, skin).eyes == pytest.approx(limit)


def test_where_skin_and_eyes_agree_nothing_is_done() -> None:
    assert gains(160, 160, 1.0).shares() == [0, 0]
    assert gains(240, 160, 2.0).shares() == [1, 1]


def test_shut_eyes_teach_nothing_and_lamps_reach_the_eyes_at_once() -> None:
    whites, white = Whites(), np.full(3, 1, np.float32)
    skin = np.full((2, 3), 2.0, np.float32)
    whites.learn(white * 200, white * 160, skin, 1.0)
    first = whites(skin)
    for _ in range(20):
        whites.learn(white * 60, white * 160, skin, 0.0)
    assert whites(skin).eyes == pytest.approx(first.eyes)
    assert whites(skin * 1.2).eyes == pytest.approx(first.eyes * 1.2, rel=0.01)
    whites.learn(white * 240, white * 160, skin * 1.2, 1.0)
    assert whites(skin * 1.2).eyes == pytest.approx(first.eyes * 1.2, rel=0.01)


def test_the_wearer_is_looked_at_in_the_first_frame_and_in_every_fourth() -> None:
    whites, skin = Whites(), np.full((2, 3), 2.0, np.float32)
    assert [whites.due() for _ in range(9)] == [True, False, False, False] * 2 + [True]
    assert Whites()(skin).shares() == [0, 0]


def test_openness_tells_shut_from_open() -> None:
    points = points_of(neutral())
    assert openness_of(points) > 0.3
    for upper, lower in TOPOLOGY.lid_pairs:
        points[lower] = points[upper]
    assert openness_of(points) == 0


def test_an_eye_outside_the_frame_is_left_alone() -> None:
    points = points_of(neutral(), centre=(20.0, 180.0))
    canvas = CpuCanvas()
    canvas.load(frame_of(picture_of(points, FAIR)))
    MeshSwapper(grain=0)(canvas, face_of(points), persona_of(drawn_identity(DARK)), Settings())


def test_a_shut_eye_has_no_light_of_its_own() -> None:
    texture = drawn_identity().levels[0]
    points = points_of(neutral(), height=texture.face_px)
    shown, grid = TOPOLOGY.extend(points), Grid.around(points, 20.0, (720, 720), 720)
    where = np.dstack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in (grid.width, grid.height))))
    where += texture.vertices[:468].min(axis=0) - points[:468, :2].min(axis=0) + (grid.left, grid.top)
    where = where.astype(np.float32)
    face: Image = cv2.remap(texture.image, where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    gains = EyeGains(np.full((2, 3), 1.0, np.float32), np.full((2, 3), 2.0, np.float32))
    for shut in (0.0, 1.0):
        out = np.zeros((*face.shape[:2], 3), np.uint8)
        EyeLighter(Scratch())(out, Warped(face, where, [shut] * 2), (shown, grid), gains, texture.eyes)
        assert bool(out.any()) is (shut == 0.0)


def test_a_texture_whose_eyes_lie_outside_has_none() -> None:
    texture = drawn_identity().levels[0]
    assert len(eyes_of(texture.image, texture.vertices, texture.white)) == 2
    assert eyes_of(texture.image, texture.vertices - 9999, texture.white) == ()
    assert eyes_of(texture.image, texture.vertices * 50, texture.white) == ()


LOOK_S = 4 / 30


def lightened_at(fps: int, seconds: float, calm_s: float = 4.0, loosen: float = 1.0) -> list[float]:
    """How far the light on the eyes follows the wearer's whites, which change `calm_s` after the first frame."""
    whites, white, skin = Whites(), np.full(3, 1, np.float32), np.full((2, 3), 2.0, np.float32)
    followed = []
    for frame in range(round((calm_s + seconds) * fps)):
        # Of as many frames as there are between two looks, so that they change just after one, whatever the rate.
        wearer = 200 if frame <= 4 * round(calm_s * fps / 4) else 260
        if whites.due(Step(30 / fps, loosen)):
            whites.learn(white * wearer, white * 160, skin, 1.0)
        followed.append(math.log(float(whites(skin).eyes.mean()) / 1.25) / math.log(260 / 200))
    return followed[4 * round(calm_s * fps / 4) + 1 :]


@pytest.mark.parametrize("fps", [15, 60])
@pytest.mark.parametrize("calm_s", [0.3, 4.0])
def test_whites_are_followed_in_the_same_time_at_every_frame_rate(fps: int, calm_s: float) -> None:
    """In the beginning, while all that was seen is averaged, and in the long run; they are looked at now and then."""
    calm_s = 16 / 15 if calm_s < 1 else calm_s
    curves = {each: lightened_at(each, 2.2, calm_s) for each in (fps, 30)}
    for looks in (2, 4, 6, 8):
        got, wanted = (curves[each][round(looks * LOOK_S * each) - 1] for each in (fps, 30))
        assert 0 < got < 1
        assert got == pytest.approx(wanted, abs=0.02)


def test_whites_after_a_gap_are_believed_as_far_as_the_eyes_are_open() -> None:
    for openness in (1.0, 0.0):
        whites, white, skin = Whites(), np.full(3, 1, np.float32), np.full((2, 3), 2.0, np.float32)
        for _ in range(41):
            if whites.due(Step(1.0)):
                whites.learn(white * 200, white * 160, skin, 1.0)
        dues = [whites.due(Step(math.inf if number == 0 else 1.0)) for number in range(4)]
        assert dues == [False, False, False, True]
        whites.learn(white * 260, white * 160, skin, openness)
        assert whites(skin).eyes == pytest.approx((260 if openness else 200) / 160)


def test_without_steadiness_whites_pass_at_once_and_a_frame_that_came_twice_teaches_nothing() -> None:
    for step, wanted in ((Step(1.0, math.inf), 260), (Step(0.0, math.inf), 260), (Step(0.0), 200)):
        whites, white, skin = Whites(), np.full(3, 1, np.float32), np.full((2, 3), 2.0, np.float32)
        for wearer in (200, 260):
            for _ in range(4):
                if whites.due(step):
                    whites.learn(white * wearer, white * 160, skin, 1.0)
        assert whites(skin).eyes == pytest.approx(wanted / 160, rel=1e-5)
    calmer, plain = (lightened_at(30, 1.0, loosen=loosen)[-1] for loosen in (0.25, 1.0))
    assert calmer < 0.8 * plain
