"""Where the enhancer's crop lies, and what it is shown of the surroundings."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image, Points, Size
from livecam.core.geometry import compose, transform
from livecam.vision.enhance import Enhancer
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.swap.sharpen import Field, Painting, Sharpener, field_of
from livecam.vision.swap.stage import CropSwapper
from tests.vision.swap.conftest import canvas_of, five_at

Stages = Callable[..., CropSwapper]
Enhancers = Callable[..., Enhancer]
PAIRS = [
    ("inswapper_128", {}, "gfpgan_1.4", 512),
    ("hyperswap_1a_256", {"side": 256, "low": -1.0, "mask": np.ones((256, 256)), "emap": None}, "gfpgan_1.4", 512),
    ("hyperswap_1a_256", {"side": 256, "low": -1.0, "mask": np.ones((256, 256)), "emap": None}, "gpen_bfr_256", 256),
]


def average_five(yaw: float) -> Points:
    """The five points of the average face, turned by `yaw` degrees, tilted, 300 px tall, in px of a frame."""
    turn, tilt = np.radians(yaw), 0.3
    x, y, z = TOPOLOGY.canonical.T
    x = x * np.cos(turn) + z * np.sin(turn)
    flat = np.column_stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)]) * 300 + 400
    groups = ((33, 133), (263, 362), (1,), (61,), (291,))
    return np.array([flat[list(group)].mean(axis=0) for group in groups]).astype(np.float32)


def test_a_field_is_mapped_edge_to_edge() -> None:
    corners = np.array([[-10.5, -20.5], [89.5, 79.5]], np.float32)
    np.testing.assert_allclose(
        transform(Field(100, -10, -20).matrix(400), corners), [[-0.5, -0.5], [399.5, 399.5]], atol=1e-3
    )


@pytest.mark.parametrize(("swapper", "how", "name", "side"), PAIRS)
@pytest.mark.parametrize("yaw", [-35.0, 0.0, 20.0])
def test_the_field_is_where_the_faces_own_points_would_put_it(
    yaw: float, swapper: str, how: dict[str, object], name: str, side: int, crop_swapper: Stages, enhancer: Enhancers
) -> None:
    stage, sharp = crop_swapper(swapper, **how), enhancer(name, side=side)
    five = average_five(yaw)
    own = transform(sharp.matrix(five), five)
    constant = transform(compose(field_of(stage, sharp).matrix(side), stage.matrix(five)), five)
    assert np.linalg.norm(own - constant, axis=1).mean() < 0.01 * side


def test_two_networks_of_one_crop_have_one_field(crop_swapper: Stages, enhancer: Enhancers) -> None:
    name, how, sharp, side = PAIRS[2]
    assert field_of(crop_swapper(name, **how), enhancer(sharp, side=side)) == (256, 0, 0)


@pytest.mark.parametrize("shift", [(-11, -18), (7, 5), (-20, 9)])
def test_the_swappers_crop_is_the_one_it_would_get_alone(
    shift: tuple[int, int], crop_swapper: Stages, enhancer: Enhancers, frame: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the enhancer sees less than the swapper."""
    monkeypatch.setattr("livecam.vision.swap.sharpen.field_of", lambda *_: Field(110, *shift))
    stage = crop_swapper()
    matrix, canvas = stage.matrix(five_at(320, 180, 200)), canvas_of(frame)
    sharpener = Sharpener(enhancer(), stage, 0.3)
    crop = sharpener.crop(canvas, matrix).copy()
    alone = canvas.crop(matrix, Size(128, 128), np.empty((128, 128, 3), np.uint8))
    assert np.abs(crop.astype(int) - alone).max() <= 4
    painting = sharpener(Painting(crop, np.full((128, 128), 255, np.uint8), matrix), 0.7)
    there = canvas.crop(painting.matrix, Size(512, 512), np.empty((512, 512, 3), np.uint8))
    shown = painting.mask > 250
    assert shown.mean() > 0.3
    assert np.abs(painting.image[shown].astype(int) - there[shown]).mean() < 2


def test_what_the_mask_hides_is_the_wearers_in_the_enhancers_eyes_too(
    crop_swapper: Stages, enhancer: Enhancers, frame: Image
) -> None:
    stage, sharp = crop_swapper(), enhancer()
    matrix, canvas = stage.matrix(five_at(320, 180, 200)), canvas_of(frame)
    sharpener = Sharpener(sharp, stage, 0.0)
    crop = sharpener.crop(canvas, matrix).copy()
    mask = np.zeros((128, 128), np.uint8)
    mask[40:90, 40:90] = 255
    painting = sharpener(Painting(255 - crop, mask, matrix), 1.0)
    there = canvas.crop(painting.matrix, Size(512, 512), np.empty((512, 512, 3), np.uint8))
    far = cv2.dilate(painting.mask, np.ones((15, 15), np.uint8)) == 0
    assert np.abs(painting.image[far].astype(int) - there[far]).mean() < 2
    inside = cv2.erode(painting.mask, np.ones((15, 15), np.uint8)) == 255
    assert np.abs(painting.image[inside].astype(int) - (255 - there[inside].astype(int))).mean() < 3


def crawls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every enhancer invents another texture each time."""
    plainly, random = Enhancer.__call__, np.random.default_rng(5)

    def inventing(sharp: Enhancer, crop: Image, out: Image) -> Image:
        plainly(sharp, crop, out)
        texture = random.normal(0, 7, out.shape)
        np.copyto(out, np.clip(out + texture, 0, 255).astype(np.uint8))
        return out

    monkeypatch.setattr(Enhancer, "__call__", inventing)


@pytest.mark.parametrize(
    ("steady", "follows", "held"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_invented_texture_is_held_only_from_a_crop_of_the_same_face_and_only_if_wanted(
    steady: bool,
    follows: bool,
    held: bool,
    crop_swapper: Stages,
    enhancer: Enhancers,
    frame: Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crawls(monkeypatch)
    stage = crop_swapper()
    soft = cv2.GaussianBlur(frame, (0, 0), 9).astype(np.uint8)
    matrix, canvas = stage.matrix(five_at(320, 180, 200)), canvas_of(soft)
    sharpener = Sharpener(enhancer(), stage, 0.0, steady)
    images = []
    for _ in range(6):
        crop = sharpener.crop(canvas, matrix).copy()
        painting = sharpener(Painting(crop, np.full((128, 128), 255, np.uint8), matrix), 1.0, follows)
        images.append(painting.image.astype(int))
    forehead = np.s_[90:140, 200:310]
    crawled = np.abs(images[-1][forehead] - images[-2][forehead]).mean()
    # Two independent textures of this strength differ by 7.9 levels in the mean.
    assert 0.3 < crawled < 4.0 if held else crawled > 7.0
