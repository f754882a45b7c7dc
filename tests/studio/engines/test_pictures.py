"""Pictures on their way into a pipeline and out, and what is shown of a likeness."""

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")

from livecam.core.frame import Image, Points  # noqa: E402
from livecam.core.geometry import transform  # noqa: E402
from livecam.errors import StudioError  # noqa: E402
from livecam.studio.engines.pictures import aligned, from_pipeline, sketch, to_mask, to_pipeline  # noqa: E402
from livecam.studio.terms import Likeness  # noqa: E402
from livecam.vision.template import Template, align  # noqa: E402

FIVE: Points = np.array([[90, 130], [150, 128], [122, 165], [95, 200], [145, 198]], np.float32)


def photo(scale: float = 1.0) -> Image:
    """A white disc over the nose tip of somebody grey, (300, 240, 3) at scale 1."""
    image = np.full((round(300 * scale), round(240 * scale), 3), 60, np.uint8)
    x, y = (FIVE[2] * scale).round().astype(int).tolist()
    return cv2.circle(image, (x, y), round(12 * scale), (255, 255, 255), -1).astype(np.uint8)


def likeness(scale: float = 1.0, *regions: Image) -> Likeness:
    return Likeness(np.ones((1, 512), np.float32), (photo(scale),), (FIVE * np.float32(scale),), regions)


def middle_of_white(image: Image) -> Points:
    """(x, y) px."""
    rows, columns = np.nonzero(image[:, :, 0] > 180)
    return np.array([columns.mean(), rows.mean()], np.float32)


def test_there_and_back_it_is_the_same_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 32, 3), dtype=np.uint8)
    there = to_pipeline(image, image)
    assert there.shape == (2, 3, 16, 32)
    assert there[0, 0, 0, 0].item() == pytest.approx(image[0, 0, 2] / 255)
    assert np.array_equal(from_pipeline(there[1].permute(1, 2, 0).numpy()), image)


def test_a_mask_keeps_its_place() -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1, 5] = 255
    assert to_mask(mask).nonzero().tolist() == [[0, 0, 1, 5]]


def test_what_is_no_number_is_no_picture() -> None:
    with pytest.raises(StudioError, match="not numbers"):
        from_pipeline(np.full((2, 2, 3), np.nan, np.float32))


@pytest.mark.parametrize("scale", [0.5, 1.0, 8.0])
def test_photos_are_aligned_whatever_their_size(scale: float) -> None:
    (face,) = aligned(likeness(scale), 4, 256)
    assert face.shape == (256, 256, 3)
    nose = transform(align(FIVE, Template.FFHQ_512, 256), FIVE)[2]
    assert np.abs(middle_of_white(face) - nose).max() < 2


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_a_sketch_has_the_head_where_it_is_to_be(scale: float) -> None:
    there = FIVE[:, ::-1] * np.float32(0.5) * [-1, 1] + [180, 40]
    drawn = sketch(likeness(scale), there.astype(np.float32), 256)
    assert np.abs(middle_of_white(drawn) - there[2]).max() < 2
    assert (drawn[0, 0] == 128).all()


def test_a_sketch_leaves_out_what_is_not_the_head() -> None:
    region = np.zeros((300, 240), np.uint8)
    region[140:190, 100:145] = 255
    whole, head = sketch(likeness(), FIVE, 300), sketch(likeness(1.0, region), FIVE, 300)
    assert (whole[20, 20] == 60).all()
    assert (head[20, 20] == 128).all()
    assert (head[165, 122] == 255).all()
