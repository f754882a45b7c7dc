"""What is said of a camera's pictures."""

import numpy as np
import pytest

from livecam.core.frame import NS_PER_S, Image, Size
from livecam.runtime.feed import FeedWatch

SIZE = Size(320, 240)
FPS = 20.0


def moving(number: int) -> Image:
    return np.random.default_rng(number).integers(0, 255, SIZE.image_shape, np.uint8)


def shown(
    watch: FeedWatch, caplog: pytest.LogCaptureFixture, images: list[Image], fps: float = FPS, since_s: float = 0.0
) -> list[str]:
    """What is said while they are shown."""
    caplog.clear()
    caplog.set_level("INFO", "livecam.runtime")
    for number, image in enumerate(images):
        watch.look(image, round((since_s + number / fps) * NS_PER_S) + 1)
    return [record.message for record in caplog.records]


def test_nothing_is_said_of_a_camera_that_moves(caplog: pytest.LogCaptureFixture) -> None:
    assert shown(FeedWatch(FPS), caplog, [moving(number) for number in range(100)]) == []


@pytest.mark.parametrize(
    ("image", "words"),
    [(np.zeros(SIZE.image_shape, np.uint8), "is black"), (moving(1), "one and the same picture again and again")],
)
def test_a_black_or_frozen_picture_is_told_once_and_so_is_its_end(
    image: Image, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch = FeedWatch(FPS)
    (said,) = shown(watch, caplog, [image] * 100)
    assert words in said
    (over,) = shown(watch, caplog, [moving(number) for number in range(40)], since_s=5)
    assert "no longer" in over


def test_a_lamp_in_a_black_picture_does_not_light_it(caplog: pytest.LogCaptureFixture) -> None:
    image = np.full(SIZE.image_shape, 16, np.uint8)
    image[0, 0] = 255
    (said,) = shown(FeedWatch(FPS), caplog, [image] * 40)
    assert "black" in said


def test_a_slow_camera_is_told_with_its_rate(caplog: pytest.LogCaptureFixture) -> None:
    images = [moving(number) for number in range(40)]
    (said,) = shown(FeedWatch(FPS), caplog, images, fps=5)
    assert said.endswith("pictures a second; 20 were asked for.")
    assert shown(FeedWatch(FPS), caplog, images, fps=FPS / 2) == [], "in the dark many cameras halve their rate"
    assert shown(FeedWatch(0), caplog, images, fps=5) == [], "nobody asked for a rate"


def test_a_camera_that_was_opened_again_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    watch, frozen = FeedWatch(FPS), moving(1)
    for _ in range(4):
        assert shown(watch, caplog, [frozen] * 25) == []
        watch.reset()
