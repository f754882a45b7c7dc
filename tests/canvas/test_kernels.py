"""The kernels on the host against exact arithmetic, beside the canvas's own operations: see test_agreement.py."""

from itertools import permutations, product

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.arguments import KIND_F16, Area
from livecam.core.face import Box
from livecam.core.frame import Image, Matrix, Picture, Size
from livecam.core.geometry import invert
from livecam.vision.contract import Colour, Layout, PictureIn, PictureOut
from livecam.vision.detect.letterbox import Letterbox
from livecam.vision.tensor import Feeder, Reader
from tests.canvas.host_kernels import HostKernels, address, described
from tests.canvas.scenes import apart, bilinear, noise, places, scene, soft_mask, turned

STD = (128.0, 115.0, 60.0)
PICTURE = PictureIn(64, Colour.RGB, Layout.NCHW, (127.5, 100.0, 90.0), STD)
LAUNCHES = [(1, 1), (7, 1), (3, 4), (1, 8)]
GUARD = 0xA5

Numbers = npt.NDArray[np.generic]


class Guarded:
    """Memory with guard rows before and behind it, and where asked for a gap behind each row."""

    def __init__(self, image: Image, gap: int = 0) -> None:
        self._gap = gap
        height, row = len(image), image[0].nbytes
        self._whole = np.full((height + 6, row + gap), GUARD, np.uint8)
        self._rows = self._whole[3:-3]
        self._rows[:, :row] = image.reshape(height, row)
        strides = (self._rows.strides[0], *image.strides[1:])
        self.image: Image = np.lib.stride_tricks.as_strided(self._rows, image.shape, strides)

    def check(self) -> None:
        assert (self._whole[:3] == GUARD).all()
        assert (self._whole[-3:] == GUARD).all()
        if self._gap:
            assert (self._rows[:, -self._gap :] == GUARD).all()


def feed(out: Numbers, picture: PictureIn = PICTURE) -> fill.Feed:
    planar = picture.layout is Layout.NCHW
    height, width = out.shape[-2:] if planar else out.shape[:2]
    return fill.Feed(address(out), Size(width, height), picture, half=out.dtype == np.float16)


@pytest.mark.parametrize("picture", [scene(161, 121), noise((121, 161, 3))], ids=["scene", "noise"])
@pytest.mark.parametrize("centre", [(80.3, 60.7), (-3.0, 118.0)])
def test_a_face_becomes_the_networks_input(kernels: HostKernels, picture: Image, centre: tuple[float, float]) -> None:
    matrix = turned(1.7, 0.31, centre, 64)
    out = np.full((3, 64, 64), 7, np.float32)
    kernels("warp", fill.feed_arguments(described(picture), matrix, feed(out)))
    exact = bilinear(picture, *places(invert(matrix), 64, 64))[..., ::-1]
    wanted = ((exact - PICTURE.mean) / STD).transpose(2, 0, 1)
    assert apart(out, wanted) < 0.1 / 60


@pytest.mark.parametrize("colour", Colour)
@pytest.mark.parametrize("layout", Layout)
def test_the_input_is_what_the_feeder_gives(kernels: HostKernels, colour: Colour, layout: Layout) -> None:
    """An upright crop at whole px, so that the feeder's crop is not rounded."""
    picture = PictureIn(64, colour, layout, PICTURE.mean, STD)
    frame = noise((90, 130, 3))
    crop = np.ascontiguousarray(frame[11:75, 20:84])
    wanted = Feeder(picture)(crop)[0]
    out = np.zeros_like(wanted)
    matrix = np.array([[1.0, 0, -20], [0, 1.0, -11]])
    kernels("warp", fill.feed_arguments(described(frame), matrix, feed(out, picture)))
    np.testing.assert_allclose(out, wanted, atol=1e-6)


@pytest.mark.parametrize("size", [Size(1280, 720), Size(641, 480), Size(333, 517), Size(64, 64), Size(1921, 1081)])
def test_the_letterbox_is_that_of_the_detectors(kernels: HostKernels, size: Size) -> None:
    picture = PictureIn(160, Colour.BGR, Layout.NCHW, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    frame, side = scene(*size), Size(160, 128)
    shrunk = np.full(side.image_shape, 9, np.uint8)
    wanted_fit = Letterbox(side)(frame, shrunk)
    out = np.full((3, 128, 160), 7, np.float32)
    arguments, fit = fill.letterbox_arguments(described(frame), feed(out, picture))
    kernels("warp", arguments)
    assert fit == wanted_fit
    assert apart(out.transpose(1, 2, 0), shrunk) <= 2
    assert (out[:, arguments.fitted_height :] == 0).all()
    assert (out[:, :, arguments.fitted_width :] == 0).all()


def test_the_letterbox_leaves_normalised_black(kernels: HostKernels) -> None:
    frame, out = scene(80, 40), np.full((3, 64, 64), 7, np.float32)
    arguments, _ = fill.letterbox_arguments(described(frame), feed(out))
    kernels("warp", arguments)
    black = -np.array(PICTURE.mean) / STD
    np.testing.assert_allclose(out[:, 40:], np.broadcast_to(black[:, None, None], (3, 24, 64)), atol=1e-6)


@pytest.mark.parametrize("spread", [255.0, 3.3e6, 9e8, 1 / 700, 1 / 65504])
def test_half_precision_is_rounded_as_numpy_does_bit_for_bit(kernels: HostKernels, spread: float) -> None:
    """Normal numbers, subnormal ones, zeros, and those too large."""
    frame, matrix = scene(120, 90), turned(1.3, 0.2, (60, 45), 64)
    picture = PictureIn(64, Colour.RGB, Layout.NCHW, (13.7, 100.0, 200.0), (spread,) * 3)
    single, half = np.zeros((3, 64, 64), np.float32), np.zeros((3, 64, 64), np.float16)
    for out in (single, half):
        kernels("warp", fill.feed_arguments(described(frame), matrix, feed(out, picture)))
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(half.view(np.uint16), single.astype(np.float16).view(np.uint16))


def test_every_half_is_read_exactly(kernels: HostKernels) -> None:
    """All 65536 of them as a (1, 256, 256) mask; a gain of a power of two loses nothing."""
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)
    for gain in (1.0, 2.0**16, 2.0**-8):
        out, bad = np.zeros((256, 256), np.uint8), np.zeros(1, np.int32)
        arguments = fill.mask_arguments(address(halves), fill.image(address(out), Size(256, 256), 1), address(bad))
        arguments.kind, arguments.gain = KIND_F16, gain
        kernels("read_tensor", arguments)
        finite = np.isfinite(halves)
        wanted = np.clip(np.rint(np.where(finite, halves, 0).astype(np.float64) * gain), 0, 255)
        np.testing.assert_array_equal(out, wanted)
        assert bad[0] == (~finite).sum()


@pytest.mark.parametrize("colour", Colour)
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_networks_picture_is_read_as_the_reader_does(
    kernels: HostKernels, colour: Colour, layout: Layout, dtype: type[np.float32 | np.float16]
) -> None:
    result = PictureOut(-1.0, 1.0, colour, layout)
    shape = (3, 40, 40) if layout is Layout.NCHW else (40, 40, 3)
    tensor = np.random.default_rng(3).uniform(-1.3, 1.3, shape).astype(dtype)
    wanted = Reader(result, 40)(tensor.astype(np.float32), np.zeros((40, 40, 3), np.uint8))
    out, bad = Guarded(np.zeros((40, 40, 3), np.uint8), gap=7), np.zeros(1, np.int32)
    arguments = fill.read_arguments(
        address(tensor), result, described(out.image), address(bad), half=dtype is np.float16
    )
    kernels("read_tensor", arguments, *LAUNCHES[2])
    assert apart(out.image, wanted) <= 1
    assert (out.image != wanted).mean() < 0.001
    assert bad[0] == 0
    out.check()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_what_is_not_finite_is_counted_and_black(
    kernels: HostKernels, value: float, dtype: type[np.float32 | np.float16]
) -> None:
    tensor = np.full((3, 9, 9), 0.5, dtype)
    tensor[1, 4, 4] = tensor[2, 8, 8] = value
    out, bad = np.full((9, 9, 3), 5, np.uint8), np.zeros(1, np.int32)
    result = PictureOut(0.0, 1.0, Colour.BGR, Layout.NCHW)
    arguments = fill.read_arguments(address(tensor), result, described(out), address(bad), half=dtype is np.float16)
    kernels("read_tensor", arguments, *LAUNCHES[3])
    assert bad[0] == 2
    assert out[4, 4, 1] == out[8, 8, 2] == 0
    assert out[4, 4, 0] == 128


def test_colours_are_turned_as_opencv_does(kernels: HostKernels) -> None:
    matrix = np.array([[1.1, -0.2, 0.05, 12.0], [0.1, 0.8, 0.1, -9.5], [-0.3, 0.2, 1.2, 30.0]])
    crop = noise((37, 41, 3))
    wanted = cv2.transform(crop, matrix)
    kernels("recolour", fill.recolour_arguments(described(crop), matrix))
    assert apart(crop, wanted) <= 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 45, 128, 256])
@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_small_means_are_those_that_colour_matching_takes(
    kernels: HostKernels, channels: int, side: int, launch: tuple[int, int]
) -> None:
    crop = noise((side, side, channels))
    wanted = cv2.resize(crop, (32, 32), interpolation=cv2.INTER_AREA).reshape(32, 32, channels)
    means = np.zeros((32, 32, channels), np.float32)
    target = fill.image(address(crop), Size(side, side), channels)
    kernels("block_means", fill.means_arguments(target, address(means), 32, channels), *launch)
    assert apart(means, wanted) <= 0.51


def planes(image: Image, standard: fill.Standard, *, mean: bool) -> tuple[Numbers, Numbers, Numbers]:
    """Luma and both chromas in f64, of the colours' definition."""
    kr, kb = standard.value
    b, g, r = (image[..., k].astype(np.float64) for k in range(3))
    luma = kr * r + (1 - kr - kb) * g + kb * b
    chroma = []
    for colour, weight in ((b, kb), (r, kr)):
        full = (colour - luma) / (1 - weight)
        half = full.reshape(len(full) // 2, 2, -1, 2).mean(axis=(1, 3)) if mean else full[::2, ::2]
        chroma.append(128 + 112 / 255 * half)
    return 16 + 219 / 255 * luma, chroma[0], chroma[1]


@pytest.mark.parametrize("nv12", [False, True])
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("standard", fill.Standard)
def test_a_picture_follows_its_standard(
    kernels: HostKernels, *, nv12: bool, mean: bool, standard: fill.Standard
) -> None:
    image, out = noise((34, 50, 3)), Guarded(np.full((51, 50), 77, np.uint8))
    arguments = fill.picture_arguments(described(image), address(out.image), nv12=nv12, standard=standard, mean=mean)
    kernels("picture", arguments, 3)
    luma, blue, red = planes(image, standard, mean=mean)
    chroma = out.image[34:].reshape(-1)
    got = (chroma[0::2], chroma[1::2]) if nv12 else (chroma[: 17 * 25], chroma[17 * 25 :])
    assert apart(out.image[:34], luma) <= 0.51
    assert apart(got[0], blue.reshape(-1)) <= 0.51
    assert apart(got[1], red.reshape(-1)) <= 0.51
    out.check()


def test_nv12_is_i420_in_other_places(kernels: HostKernels) -> None:
    image = scene(64, 48)
    i420: Picture = np.zeros((72, 64), np.uint8)
    nv12 = np.zeros_like(i420)
    for out, pairs in ((i420, False), (nv12, True)):
        kernels("picture", fill.picture_arguments(described(image), address(out), nv12=pairs))
    np.testing.assert_array_equal(i420[:48], nv12[:48])
    np.testing.assert_array_equal(i420[48:60].reshape(-1), nv12[48:].reshape(-1)[0::2])
    np.testing.assert_array_equal(i420[60:].reshape(-1), nv12[48:].reshape(-1)[1::2])


def test_a_picture_of_odd_sides_is_refused() -> None:
    with pytest.raises(ValueError, match="even sides"):
        fill.picture_arguments(described(noise((35, 50, 3))), 0)


wild = st.floats(width=32, allow_nan=True, allow_infinity=True)
anything = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything
@given(st.lists(wild, min_size=6, max_size=6), st.integers(1, 40), st.integers(1, 40))
def test_no_matrix_makes_a_warp_leave_its_memory(
    kernels: HostKernels, matrix: list[float], width: int, height: int
) -> None:
    source, out = Guarded(noise((height, width, 3)), gap=5), Guarded(np.zeros((21, 33, 3), np.uint8))
    arguments = fill.crop_arguments(described(source.image), np.eye(2, 3), address(out.image), Size(33, 21))
    arguments.matrix[:] = matrix
    kernels("warp", arguments)
    out.check()
    # Nor does what lies around the source get into the result.
    source.image[:] = 40
    kernels("warp", arguments)
    assert (out.image == 40).all()


# One that takes every px of the frame into the crop, so that a box alone decides what is painted.
matrices = st.one_of(st.lists(wild, min_size=6, max_size=6), st.just([0.0, 0.0, 4.0, 0.0, 0.0, 4.0]))
numbers = st.one_of(st.integers(-40, 60), st.integers(-(2**31), 2**31 - 1))


@anything
@given(matrices, st.tuples(numbers, numbers, numbers, numbers))
def test_no_matrix_and_no_box_makes_painting_leave_its_memory(
    kernels: HostKernels, matrix: list[float], box: tuple[int, int, int, int]
) -> None:
    frame, crop = Guarded(noise((19, 23, 3)), gap=4), Guarded(np.full((8, 9, 3), 60, np.uint8))
    mask, target = np.full((8, 9), 255, np.uint8), described(frame.image)
    arguments = fill.paint_arguments(target, described(crop.image), address(mask), np.eye(2, 3))
    arguments.matrix[:] = matrix
    arguments.box = Area(*box)
    kernels("paint", arguments)
    blur = fill.blur_arguments(target, 0, Box(0, 0, 9, 9))
    means = np.zeros(fill.MOST_MEANS, np.float32)
    blur.means, blur.box = address(means), Area(*box)
    kernels("block_means", blur)
    kernels("block_draw", blur)
    frame.check()


@pytest.mark.parametrize("launch", LAUNCHES, ids=str)
def test_any_launch_gives_the_same_and_nothing_beyond(kernels: HostKernels, launch: tuple[int, int]) -> None:
    results = []
    for blocks, threads in (LAUNCHES[0], launch):
        frame = Guarded(scene(75, 61), gap=3)
        crop, mask = scene(32, 32, 1), soft_mask(32)
        target = described(frame.image)
        matrix = turned(0.9, 0.5, (70, 8), 32)
        kernels("paint", fill.paint_arguments(target, described(crop), address(mask), matrix), blocks, threads)
        kernels("patch", fill.patch_arguments(target, described(crop), address(mask), -5, 40), blocks, threads)
        means = Guarded(np.zeros((1, fill.MOST_MEANS * 4), np.uint8))
        blur = fill.blur_arguments(target, address(means.image), Box(30, 30, 91, 52))
        kernels("block_means", blur, blocks, threads)
        kernels("block_draw", blur, blocks, threads)
        frame.check()
        means.check()
        results.append(frame.image.copy())
    assert apart(*results) <= (1 if launch[1] > 1 else 0)


def test_cells_end_where_the_image_does(kernels: HostKernels) -> None:
    """Sides that do not divide into cells, so that the last cell's edge may be rounded to beyond the image."""
    means = np.zeros(fill.MOST_MEANS, np.float32)
    for side, share in product(range(8, 300), (3, 7)):
        for sides in permutations((side, side * share // 8)):
            pixels = np.full((*sides, 3), 90, np.uint8)
            kernels("block_means", fill.blur_arguments(described(pixels), address(means), Box(-900, -900, 900, 900)))
            assert means[:3].round(3).tolist() == [90, 90, 90]


def test_painting_is_exact_on_noise(kernels: HostKernels) -> None:
    frame, crop, mask = noise((60, 70, 3)), noise((32, 32, 3), 1), noise((32, 32), 2)
    before, matrix = frame.copy(), turned(0.7, -0.8, (55, 20), 32)
    kernels("paint", fill.paint_arguments(described(frame), described(crop), address(mask), matrix))
    premultiplied = np.zeros((34, 34, 4))
    premultiplied[1:-1, 1:-1, :3] = crop * (mask[..., None] / 255)
    premultiplied[1:-1, 1:-1, 3] = mask / 255
    x, y = places(matrix, 70, 60)
    layer = bilinear(premultiplied, x + 1, y + 1)  # type: ignore[arg-type]
    assert apart(frame, layer[..., :3] + before * (1 - layer[..., 3:])) <= 0.51


def test_a_pitch_larger_than_a_row_is_kept_to(kernels: HostKernels) -> None:
    image = scene(51, 40)
    padded = Guarded(image, gap=13)
    matrix: Matrix = turned(1.2, 0.3, (25, 20), 32)
    outs = [np.zeros((32, 32, 3), np.uint8) for _ in range(2)]
    for source, out in zip((image, padded.image), outs, strict=True):
        kernels("warp", fill.crop_arguments(described(source), matrix, address(out), Size(32, 32)))
    np.testing.assert_array_equal(outs[0], outs[1])
