import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Box
from livecam.core.frame import Frame, Image, Matrix, Size

Floats = npt.NDArray[np.float32]

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


def placement(rng: np.random.Generator) -> Matrix:
    """A similarity that puts a crop of 40 px somewhere about the frame."""
    angle, scale = rng.uniform(-3, 3), rng.uniform(0.3, 3)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([linear, (20 - linear @ rng.uniform((-20, -20), (180, 140)))[:, None]])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_paint_is_the_weighted_mean_inside_its_mask_and_changes_no_byte_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, crop, matrix = noise(seed=seed), noise((40, 40, 3), seed + 1), placement(rng)
    mask = np.zeros((40, 40), np.uint8)
    top, left = rng.integers(0, 20, 2)
    mask[top : top + 20, left : left + rng.integers(1, 21)] = rng.integers(0, 256)
    before = image.copy()
    loaded(image).paint(crop, mask, matrix)
    wanted, share = composed(before, crop, mask, matrix)
    np.testing.assert_array_equal(image[share == 0], before[share == 0])
    # Warps round places to 1/32 px and values to 8 bit; noise is the worst case for both.
    assert np.abs(image - wanted).max() <= 4


def composed(under: Image, crop: Image, mask: Image, matrix: Matrix) -> tuple[Floats, Floats]:
    """In floating point: the crop, covering as much as its mask says, laid over `under`; and the mask in the frame."""
    size, flags = under.shape[1::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    alpha = mask.astype(np.float32)[:, :, None] / 255
    over = cv2.warpAffine(crop * alpha, matrix, size, flags=flags)
    share = cv2.warpAffine(alpha, matrix, size, flags=flags)
    wanted: Floats = (over + under * (1 - share[:, :, None])).astype(np.float32)
    return wanted, share.astype(np.float32)


def test_paint_has_no_seams_on_a_large_face() -> None:
    image = np.full((700, 500, 3), 90, np.uint8)
    rows, columns = np.mgrid[:64, :64].astype(np.float32)
    crop = np.dstack([3 * rows, 3 * columns, rows + columns]).astype(np.uint8)
    mask = cv2.GaussianBlur(np.pad(np.full((40, 40), 255, np.uint8), 12), (0, 0), 3).astype(np.uint8)
    matrix = np.array([[0.09, 0.01, 5.0], [-0.01, 0.09, 3.0]])
    wanted, _ = composed(image, crop, mask, matrix)
    loaded(image).paint(crop, mask, matrix)
    assert np.abs(image - wanted).max() <= 3


def test_paint_keeps_no_memory_of_the_last_crop() -> None:
    one, other = noise(), noise()
    canvas = loaded(one)
    canvas.paint(noise((90, 90, 3), 1), np.full((90, 90), 255, np.uint8), np.array([[1.0, 0, -10], [0, 1, -10]]))
    small, mask, matrix = noise((30, 30, 3), 2), noise((30, 30), 3), np.array([[0.9, 0.1, -5], [-0.1, 0.9, -5]])
    canvas.load(Frame(other, 2, 0))
    canvas.paint(small, mask, matrix)
    wanted = noise()
    loaded(wanted).paint(small, mask, matrix)
    np.testing.assert_array_equal(other, wanted)


@pytest.mark.parametrize("side", [12, 40])
def test_paint_takes_views(side: int) -> None:
    big, masks = noise((80, 80, 3), 1), noise((80, 80), 2)
    crop, mask = big[5 : 5 + side, 7 : 7 + side], masks[5 : 5 + side, 7 : 7 + side]
    matrix = np.array([[0.5, 0, -10], [0, 0.5, -10]])
    image, wanted = noise(), noise()
    loaded(image).paint(crop, mask, matrix)
    loaded(wanted).paint(crop.copy(), mask.copy(), matrix)
    np.testing.assert_array_equal(image, wanted)


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
