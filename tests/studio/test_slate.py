"""The away picture."""

import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Size
from livecam.errors import StudioError
from livecam.privacy.slate import load_slate
from livecam.studio.chosen import Options
from livecam.studio.slate import SIZE, composed, draw_away, front_five
from livecam.studio.terms import Conditions, Mask, Sampling
from tests.studio.fakes import SIDE, Made, Planned, likeness, no_step, noise, picture

FIVE = front_five(SIDE)
FRONT = Face(box_of(FIVE), Landmarks(FIVE, Topology.FIVE), np.zeros(5, np.float32), 1.0, 1)


class Drawn(Planned):
    """Finds the face where a portrait has it."""

    def find(self, image: Image) -> tuple[Face, ...]:
        return (FRONT,)


def portrait(image: Image, mask: Mask, conditions: Conditions, sampling: Sampling) -> Image:
    return picture(image.shape[1], image.shape[0], sampling.seed)


@pytest.mark.parametrize("size", [SIZE, Size(720, 1280), Size(640, 640)])
def test_the_daemon_takes_it_and_shows_it_whole(size: Size, tmp_path: Path) -> None:
    away = draw_away(Made(portrait), likeness(), Drawn(FRONT), size, Options(), no_step)
    assert away.image.shape == size.image_shape
    path = tmp_path / "away.png"
    assert cv2.imwrite(str(path), away.image)
    np.testing.assert_array_equal(load_slate(path, size), away.image)


def test_the_portrait_is_in_the_middle_and_behind_it_is_dim() -> None:
    image = composed(np.full((SIDE, SIDE, 3), 200, np.uint8), Size(1280, 720), "")
    assert (image[360, 640] == 200).all()
    assert (image[360, 20] < 110).all()
    assert int(np.abs(np.diff(image[360, :, 0].astype(int))).max()) <= 4, "it fades into what is behind it"


def test_a_line_of_text_in_any_script_stands_at_the_bottom() -> None:
    grey = np.full((SIDE, SIDE, 3), 120, np.uint8)
    plain, written = (composed(grey, SIZE, text) for text in ("", "Gleich zurück. 五分後"))
    assert written[600:].max() > 220
    assert plain.max() < 130
    np.testing.assert_array_equal(plain[:500], written[:500])
    assert composed(grey, Size(64, 64), "a line that is much too long for so small a picture").shape == (64, 64, 3)


def test_it_has_to_be_the_persona() -> None:
    backend = Made(portrait)
    done = draw_away(backend, likeness(), Drawn(FRONT, cosines=[0.3, 0.8]), SIZE, Options(seed=3), no_step)
    assert (done.report.attempts, done.report.seed) == (2, 4)
    with pytest.raises(StudioError, match=r"best of 3 portraits.*0\.30"):
        draw_away(backend, likeness(), Drawn(FRONT, cosines=[0.3]), SIZE, Options(), no_step)
    np.testing.assert_allclose(backend.asked[0][2].five, FIVE)


def test_a_test_backend_says_test() -> None:
    flat = Made(lambda image, mask, conditions, sampling: image, test=True)
    away = draw_away(flat, likeness(), Drawn(FRONT, cosines=[0.0], knows=False), SIZE, Options(), no_step)
    assert away.image[:, 400:880].max() > 220
    assert not away.report.judged
    assert json.dumps(asdict(away.report))
    with pytest.raises(StudioError, match="--unjudged"):
        draw_away(Made(noise), likeness(), Drawn(FRONT, knows=False), SIZE, Options(), no_step)
