import numpy as np
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Size

SHAPE = (120, 160, 3)


def loaded(image: Image) -> CpuCanvas:
    canvas = CpuCanvas()
    canvas.load(Frame(image, 1, 0))
    return canvas


def noise(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def test_load_copies_nothing() -> None:
    image = noise()
    assert np.shares_memory(loaded(image).pixels, image)


def test_crop_then_paint_puts_it_back_and_touches_nothing_else() -> None:
    image = np.full(SHAPE, 60, np.uint8)
    image[40:60, 50:90] = 180
    before = image.copy()
    canvas = loaded(image)
    matrix = np.array([[0.8, 0.2, -30.0], [-0.2, 0.8, -10.0]])
    crop = canvas.crop(matrix, Size(48, 40), np.empty((40, 48, 3), np.uint8))
    assert crop.max() > 150
    mask = np.zeros((40, 48), np.uint8)
    mask[4:-4, 4:-4] = 255
    canvas.paint(255 - crop, mask, matrix)
    changed = np.abs(image.astype(int) - before).max(axis=2) > 0
    assert changed.any()
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    u, v = (matrix[k, 0] * x + matrix[k, 1] * y + matrix[k, 2] for k in range(2))
    outside = (u < 2) | (v < 2) | (u > 46) | (v > 38)
    assert not (changed & outside).any()
    deep = (u > 8) & (v > 8) & (u < 39) & (v < 31)
    flat = deep & (np.abs(before.astype(int) - 60).max(axis=2) == 0)
    assert np.abs(image[flat].astype(int) - 195).mean() < 4


def test_paint_with_an_empty_mask_changes_nothing() -> None:
    image = noise()
    before = image.copy()
    matrix = np.array([[1.0, 0, -20], [0, 1, -20]])
    loaded(image).paint(noise((40, 40, 3), 1), np.zeros((40, 40), np.uint8), matrix)
    np.testing.assert_array_equal(image, before)


def test_paint_outside_the_frame_is_nothing() -> None:
    image = noise()
    before = image.copy()
    far = np.array([[1.0, 0, -900], [0, 1, -900]])
    loaded(image).paint(noise((40, 40, 3), 1), np.full((40, 40), 255, np.uint8), far)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("left", "top"), [(10, 20), (-15, -7), (145, 110), (500, 0), (-500, 0)])
def test_patch_is_cut_at_the_edges(left: int, top: int) -> None:
    image = noise()
    wanted = image.copy()
    patch = noise((30, 40, 3), 1)
    loaded(image).patch(patch, np.full((30, 40), 255, np.uint8), left, top)
    for y in range(30):
        for x in range(40):
            if 0 <= top + y < 120 and 0 <= left + x < 160:
                wanted[top + y, left + x] = patch[y, x]
    np.testing.assert_array_equal(image, wanted)


def test_blur_leaves_few_blocks_and_nothing_outside_changes() -> None:
    image = noise()
    before = image.copy()
    loaded(image).blur(Box(40, 30, 100, 90))
    inside = image[21:99, 31:109].astype(float)
    assert inside.std() < 12
    spectrum = np.abs(np.fft.fft2(inside[:, :, 0] - inside[:, :, 0].mean()))
    assert spectrum[12:-12, 12:-12].max() < 0.05 * spectrum.max()
    np.testing.assert_array_equal(image[:20], before[:20])
    np.testing.assert_array_equal(image[:, 111:], before[:, 111:])


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(150, 100, 300, 300), Box(500, 500, 600, 600), Box(5, 5, 5, 5)]
)
def test_blur_is_clipped_to_the_frame(box: Box) -> None:
    image = noise()
    loaded(image).blur(box)
    assert image.shape == SHAPE


def test_blur_of_two_different_faces_cannot_be_told_apart_by_detail() -> None:
    image = np.full(SHAPE, 128, np.uint8)
    image[30:90:2, 40:100] = 255
    image[31:90:2, 40:100] = 1
    loaded(image).blur(Box(40, 30, 100, 90))
    assert image[35:85, 45:95].std() < 10


@pytest.mark.parametrize(
    ("bgr", "yuv"),
    [
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 0), (16, 128, 128)),
        ((0, 0, 255), (82, 90, 240)),
        ((255, 0, 0), (41, 240, 110)),
    ],
)
def test_store_writes_limited_range_bt601(bgr: tuple[int, int, int], yuv: tuple[int, int, int]) -> None:
    canvas = loaded(np.full(SHAPE, bgr, np.uint8))
    out = np.full((180, 160), 77, np.uint8)
    memory = out.ctypes.data
    canvas.store(out)
    planes = (out[:120], out[120:150], out[150:])
    assert out.ctypes.data == memory
    for plane, value in zip(planes, yuv, strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 1
