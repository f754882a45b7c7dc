import numpy as np
import pytest

from livecam.core.frame import Image, Points
from livecam.errors import PhotoRefused
from livecam.vision.mesh.judge import judge
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.drawn import neutral, open_mouth, picture_of, points_of

SHAPE = (520, 600, 3)


def photo(points: Points) -> Image:
    return picture_of(points, shape=SHAPE)


def good(**changes: float) -> Points:
    return points_of(neutral(), **({"height": 300.0} | changes), centre=(300, 250))


def test_a_good_photo_gets_no_advice() -> None:
    assert judge(photo(good()), good(), 1) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (good(height=150), "150 px"),
        (good(yaw=28), "turned by 28"),
        (points_of(open_mouth(neutral(), 0.06), height=300, centre=(300, 250)), "mouth is open"),
    ],
)
def test_advice_names_the_problem(points: Points, words: str) -> None:
    advice = judge(photo(points), points, 1)
    assert len(advice) == 1
    assert words in advice[0]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (good(height=80), "80 px"),
        (good(yaw=55), "55 degrees"),
        (points_of(open_mouth(neutral(), 0.2), height=300, centre=(300, 250)), "wide open"),
        (points_of(neutral(), height=300, centre=(60, 250)), "cut off"),
    ],
)
def test_refusal_names_the_problem_and_what_to_do(points: Points, words: str) -> None:
    with pytest.raises(PhotoRefused, match=words) as refusal:
        judge(photo(points), points, 1)
    assert refusal.value.next_step.startswith("Use a photo")


def test_no_face_and_two_faces_are_refused() -> None:
    with pytest.raises(PhotoRefused, match="No face"):
        judge(photo(good()), None, 0)
    with pytest.raises(PhotoRefused, match="2 faces"):
        judge(photo(good()), good(), 2)
    with pytest.raises(PhotoRefused, match="No face"):
        judge(photo(good()), np.full_like(good(), np.nan), 1)


def test_a_closed_eye_is_refused() -> None:
    shape = neutral()
    upper, lower = TOPOLOGY.lid_pairs[1]
    shape[upper] = shape[lower] - (0, 0.005, 0)
    points = points_of(shape, height=300, centre=(300, 250))
    with pytest.raises(PhotoRefused, match="An eye is closed"):
        judge(photo(points), points, 1)


def test_light_is_judged() -> None:
    points = good()
    dark = (photo(points) // 5).astype(np.uint8)
    assert any("dark" in line for line in judge(dark, points, 1))
    sided = photo(points)
    sided[:, :300] //= 3
    assert any("shadow" in line for line in judge(sided, points, 1))
    assert any("overexposed" in line for line in judge(np.full(SHAPE, 250, np.uint8), points, 1))
