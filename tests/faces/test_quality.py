"""Photos are measured, marked and advised on."""

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.errors import PhotoRefused
from livecam.faces.quality import SOFT, PhotoJudge, Quality
from tests.faces.doubles import Finder


def decoded(data: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def quality_of(finder: Finder, data: bytes) -> Quality:
    return PhotoJudge(finder)(decoded(data), "x").quality


def test_size_and_pose_are_measured() -> None:
    finder = Finder()
    quality = quality_of(finder, finder.drawn(height=180, yaw=25))
    assert quality.pixels == pytest.approx(180, rel=0.05)
    assert quality.yaw == pytest.approx(25, abs=1)
    assert quality.pitch == pytest.approx(0, abs=1)
    assert len(quality.advice) == 2
    assert "180 px tall" in quality.advice[0].replace("179", "180")
    assert "turned by 25 degrees" in quality.advice[1]


def test_blur_is_seen_and_told() -> None:
    finder = Finder()
    sharp, soft = (quality_of(finder, finder.drawn(blur=blur)) for blur in (0, 3))
    assert sharp.sharpness > SOFT > soft.sharpness
    assert sharp.advice == ()
    assert "blurred" in soft.advice[0]


def test_shadow_on_one_side_is_seen() -> None:
    finder = Finder()
    image = decoded(finder.drawn())
    points, _ = finder(image)
    image[:, :240] = image[:, :240] // 2
    quality = PhotoJudge(lambda _: (points, 1))(image, "x").quality
    assert 0.4 < quality.light < 0.6
    assert "One side of the face is in shadow" in quality.advice[0]


def test_better_photos_have_better_marks() -> None:
    finder = Finder()
    best = quality_of(finder, finder.drawn()).mark
    worse = [finder.drawn(height=120), finder.drawn(yaw=30), finder.drawn(blur=3)]
    assert 0 < max(quality_of(finder, data).mark for data in worse) < best <= 1


def test_what_cannot_serve_is_refused_by_name_or_advised_on() -> None:
    finder = Finder()
    for data, told in (
        (finder.drawn(faces=2), "2 faces"),
        (finder.drawn(height=80), "only 80 px"),
        (finder.drawn(yaw=50), "turned away by 50"),
    ):
        with pytest.raises(PhotoRefused, match=rf"^holiday.jpg: .*{told}"):
            PhotoJudge(finder)(decoded(data), "holiday.jpg")
        lenient = PhotoJudge(finder, strict=False)(decoded(data), "holiday.jpg")
        assert told in lenient.quality.advice[0]
        assert PhotoJudge(finder).lenient(decoded(data)).quality == lenient.quality
    nothing = PhotoJudge(finder, strict=False)(np.zeros((9, 9, 3), np.uint8), "x")
    assert (nothing.five, nothing.quality.mark) == (None, 0.0)
    assert "No face" in nothing.quality.advice[0]
