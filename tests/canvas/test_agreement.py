"""Every canvas gives what the canvas in main memory gives, within two levels of 255."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livecam.canvas.cpu import CpuCanvas
from livecam.canvas.cuda import CudaCanvas
from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Size
from livecam.core.seams import Canvas
from tests.canvas.host_device import host_library
from tests.canvas.on_card import OnCard, real_library
from tests.canvas.scenes import apart, noise, scene, soft_mask, turned

LEVELS = 2
SIZES = [(320, 240), (322, 182), (160, 120)]
ODD_SIZES = [(321, 241), (97, 63)]
# Of the frame's width and height.
WHERE = {
    "inside": (0.48, 0.52),
    "half beyond the left": (0.0, 0.4),
    "half beyond the lower right": (0.99, 0.98),
    "beside the frame": (9.0, -7.0),
}

Work = Callable[[Canvas[Image]], object]


@pytest.fixture(params=["device", pytest.param("cuda", marks=pytest.mark.gpu)])
def other(request: pytest.FixtureRequest) -> Iterator[Canvas[Image]]:
    """The canvas on a card: one over host memory, with the kernels' own text, and a real one."""
    if request.param == "cuda":
        library, device = real_library()
    else:
        device = request.getfixturevalue("device")
        library = host_library(device)
    on_card = OnCard(CudaCanvas(device, library))
    yield on_card
    on_card.close()


def both(other: Canvas[Image], image: Image, work: Work) -> tuple[Image, Image]:
    """The image after `work` on the canvas in main memory, and on the other."""
    results = []
    for canvas in (CpuCanvas(), other):
        canvas.load(Frame(image.copy(), 1, 0))
        work(canvas)
        results.append(canvas.pixels)
    return results[0], results[1]


def within(size: tuple[int, int], share: tuple[float, float]) -> tuple[float, float]:
    return size[0] * share[0], size[1] * share[1]


@pytest.mark.parametrize("size", SIZES + ODD_SIZES, ids=str)
@pytest.mark.parametrize("centre", WHERE.values(), ids=WHERE)
@pytest.mark.parametrize(("scale", "angle", "side"), [(1.3, 0.4, 128), (0.6, -2.6, 65), (0.3, 0.1, 64)])
def test_crop(
    other: Canvas[Image], size: tuple[int, int], centre: tuple[float, float], scale: float, angle: float, side: int
) -> None:
    frame, matrix = Frame(scene(*size), 1, 0), turned(scale, angle, within(size, centre), side)
    crops = []
    for canvas in (CpuCanvas(), other):
        canvas.load(frame)
        crops.append(canvas.crop(matrix, Size(side, side), np.empty((side, side, 3), np.uint8)))
    assert apart(*crops) <= LEVELS


@pytest.mark.parametrize("size", SIZES + ODD_SIZES, ids=str)
@pytest.mark.parametrize("centre", WHERE.values(), ids=WHERE)
@pytest.mark.parametrize(("scale", "angle", "side"), [(1.3, 0.4, 128), (0.6, -2.6, 64), (0.25, 0.1, 64)])
def test_paint(
    other: Canvas[Image], size: tuple[int, int], centre: tuple[float, float], scale: float, angle: float, side: int
) -> None:
    matrix, crop, mask = turned(scale, angle, within(size, centre), side), scene(side, side, 1), soft_mask(side)
    image = scene(*size)
    wanted, got = both(other, image, lambda canvas: canvas.paint(crop, mask, matrix))
    assert apart(wanted, got) <= LEVELS
    assert (apart(wanted, image) > 20) == (centre != WHERE["beside the frame"])


@pytest.mark.parametrize("size", SIZES + ODD_SIZES, ids=str)
@pytest.mark.parametrize(("left", "top"), [(10, 20), (-15, -7), (140, 50), (500, 0), (-500, 0), (0, 100_000)])
def test_patch(other: Canvas[Image], size: tuple[int, int], left: int, top: int) -> None:
    patch, alpha = noise((30, 41, 3), 1), noise((30, 41), 2)
    wanted, got = both(other, noise((size[1], size[0], 3)), lambda canvas: canvas.patch(patch, alpha, left, top))
    assert apart(wanted, got) <= LEVELS


@pytest.mark.parametrize("share", [0, 255])
def test_patch_is_exact_where_it_covers_wholly_or_not_at_all(other: Canvas[Image], share: int) -> None:
    patch, alpha = noise((30, 41, 3), 1), np.full((30, 41), share, np.uint8)
    wanted, got = both(other, noise((90, 130, 3)), lambda canvas: canvas.patch(patch, alpha, -3, 70))
    np.testing.assert_array_equal(wanted, got)


BOXES = [Box(40, 30, 100, 90), Box(-50.5, -50, 20.2, 20), Box(150, 100, 300, 300), Box(60, 5, 71, 118), Box(9, 9, 9, 9)]


@pytest.mark.parametrize("size", SIZES + ODD_SIZES, ids=str)
@pytest.mark.parametrize("box", [*BOXES, Box(500, 500, 600, 600)], ids=str)
def test_blur(other: Canvas[Image], size: tuple[int, int], box: Box) -> None:
    wanted, got = both(other, noise((size[1], size[0], 3)), lambda canvas: canvas.blur(box))
    assert apart(wanted, got) <= LEVELS


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[st.floats(-80, 240)] * 2), st.tuples(*[st.floats(9, 200)] * 2), st.integers(0, 9))
def test_blur_anywhere(
    other: Canvas[Image], corner: tuple[float, float], sides: tuple[float, float], seed: int
) -> None:
    box = Box(*corner, corner[0] + sides[0], corner[1] + sides[1])
    wanted, got = both(other, scene(160, 120, seed), lambda canvas: canvas.blur(box))
    assert apart(wanted, got) <= LEVELS


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("picture", ["scene", "noise"])
def test_store(other: Canvas[Image], size: tuple[int, int], picture: str) -> None:
    image = scene(*size) if picture == "scene" else noise((size[1], size[0], 3))
    outs = [np.full(Size(*size).picture_shape, 77, np.uint8) for _ in range(2)]
    for canvas, out in zip((CpuCanvas(), other), outs, strict=True):
        canvas.load(Frame(image, 1, 0))
        canvas.store(out)
    assert apart(*outs) <= LEVELS
