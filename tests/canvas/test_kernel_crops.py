"""What lies between the networks of a chain: phases, the swap in its surroundings, blends, sums."""

from ctypes import addressof

import cv2
import numpy as np
import pytest

from livecam.canvas.kernels import fill
from livecam.canvas.kernels.chain_arguments import (
    JoinArguments,
    LayArguments,
    MixArguments,
    SplitArguments,
    Sums,
    SumsArguments,
    TrimArguments,
)
from livecam.canvas.kernels.layout import KIND_F16, KIND_F32
from livecam.core.frame import Size
from livecam.vision.blend import Blender
from livecam.vision.swap.stage import phases
from tests.canvas.host_kernels import HostKernels, address, described
from tests.canvas.scenes import noise, scene, soft_mask

MEAN, SCALE = (10.0, 20.0, 30.0), (0.5, 0.25, 0.125)


@pytest.mark.parametrize(("factor", "rows"), [(1, 1), (2, 1), (2, 4), (4, 16)])
@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("swap", [True, False])
def test_a_crop_is_split_into_its_phases(
    kernels: HostKernels, factor: int, rows: int, planar: bool, swap: bool
) -> None:
    crop, side = noise((8 * factor, 8 * factor, 3)), 8
    tensor = np.zeros((rows, 3, side, side) if planar else (rows, side, side, 3), np.float32)
    order = slice(None, None, -1) if swap else slice(None)
    for first in range(0, factor**2, rows):
        arguments = SplitArguments(image=described(crop), tensor=address(tensor), factor=factor, first=first, rows=rows)
        arguments.mean[:], arguments.scale[:], arguments.kind = MEAN, SCALE, KIND_F32
        arguments.planar, arguments.swap = planar, swap
        kernels("split", arguments, 3, 2)
        for row, phase in enumerate(phases(crop, factor)[first : first + rows]):
            wanted = ((phase[..., order] - np.array(MEAN)) * SCALE).astype(np.float32)
            found = tensor[row].transpose(1, 2, 0) if planar else tensor[row]
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("factor", "rows"), [(1, 1), (2, 1), (2, 4), (3, 9)])
@pytest.mark.parametrize("half", [True, False])
def test_phases_are_joined_and_what_is_not_finite_is_counted(
    kernels: HostKernels, factor: int, rows: int, half: bool
) -> None:
    side = 6
    crop, bad = np.full((side * factor, side * factor, 3), 9, np.uint8), np.zeros(1, np.int32)
    wanted = noise(crop.shape)
    for first in range(0, factor**2, rows):
        parts = [part.transpose(2, 0, 1)[::-1] / 255 for part in phases(wanted, factor)[first : first + rows]]
        tensor = np.ascontiguousarray(np.stack(parts), np.float16 if half else np.float32)
        tensor[0, 0, 0, 0] = np.nan
        arguments = JoinArguments(tensor=address(tensor), out=described(crop), bad=address(bad), gain=255.0)
        arguments.factor, arguments.first, arguments.rows, arguments.channels = factor, first, rows, 3
        arguments.planar, arguments.swap, arguments.kind = True, True, KIND_F16 if half else KIND_F32
        kernels("join", arguments, 2, 2)
        assert phases(crop, factor)[first][0, 0, 2] == 0
        phases(crop, factor)[first][0, 0, 2] = phases(wanted, factor)[first][0, 0, 2]
    np.testing.assert_array_equal(crop, wanted)
    assert bad[0] == factor**2 // rows


def test_a_mask_is_joined_by_minimum(kernels: HostKernels) -> None:
    mask, bad = noise((8, 8)), np.zeros(1, np.int32)
    before, tensor = mask.copy(), np.random.default_rng(1).random((4, 1, 4, 4), np.float32)
    out = fill.image(address(mask), Size(8, 8), channels=1)
    arguments = JoinArguments(tensor=address(tensor), out=out, bad=address(bad), gain=255.0, channels=1, rows=4)
    arguments.factor, arguments.planar, arguments.narrow, arguments.kind = 2, 1, 1, KIND_F32
    kernels("join", arguments)
    for found, old, own in zip(phases(mask, 2), phases(before, 2), tensor[:, 0], strict=True):
        np.testing.assert_array_equal(found, np.minimum(old, np.rint(255 * own).astype(np.uint8)))


def test_the_swap_is_laid_in_as_on_the_cpu(kernels: HostKernels) -> None:
    under, over, mask = scene(48, 40), scene(48, 40, 1), soft_mask(48)[:40].copy()
    wanted, faded = under.copy(), cv2.add(mask, mask)
    Blender()(wanted, over, faded.astype(np.uint8))
    arguments = LayArguments(under=described(under), over=described(over), mask=address(mask), mask_pitch=48, gain=2.0)
    kernels("lay", arguments, 2, 2)
    np.testing.assert_allclose(under.astype(int), wanted, atol=1)
    assert (faded == 255).any()
    np.testing.assert_array_equal(under[faded == 255], over[faded == 255])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_blend_is_kept_as_detail_and_carried_to_the_next(kernels: HostKernels, share: float) -> None:
    sharp, plain, detail = noise((16, 20, 3)), noise((16, 20, 3), 1), np.zeros((16, 20, 3), np.int16)
    wanted = cv2.addWeighted(sharp, share, plain, 1 - share, 0)
    arguments = MixArguments(image=described(sharp), other=described(plain), detail=address(detail), share=share)
    kernels("mix", arguments, 2)
    np.testing.assert_allclose(sharp.astype(int), wanted, atol=1)
    found, later = sharp.astype(int), noise((16, 20, 3), 2)
    arguments.other = described(later)
    kernels("carry", arguments, 2)
    np.testing.assert_array_equal(sharp, np.clip(later + found - plain, 0, 255))


@pytest.mark.parametrize("launch", [(1, 1), (3, 1), (1, 8), (2, 16)], ids=str)
def test_sums_are_of_every_eighth_pixel(kernels: HostKernels, launch: tuple[int, int]) -> None:
    image, given, sums = noise((64, 128, 3)), noise((64, 128, 3), 1), Sums()
    arguments = SumsArguments(image=described(image), given=described(given), sums=addressof(sums), step=8)
    kernels("sums", arguments, *launch)
    thin, other = (each[::8, ::8].reshape(-1, 3).astype(np.int64) for each in (image, given))
    assert list(sums.sum) == thin.sum(axis=0).tolist()
    assert list(sums.square) == (thin**2).sum(axis=0).tolist()
    assert sums.change == np.abs(thin - other).sum()


@pytest.mark.parametrize(("scale", "left", "top"), [(0.25, -10.3, -7.2), (0.6, 4.0, -12.5), (1.0, 0.0, 0.0)])
def test_a_mask_is_brought_to_a_wider_crop_within_its_box(
    kernels: HostKernels, scale: float, left: float, top: float
) -> None:
    side, wide = 32, 96
    mask, box = soft_mask(side), np.full((wide, wide), 200, np.uint8)
    mask[:, -1] = 250
    out = np.zeros((wide, wide), np.uint8)
    arguments = TrimArguments(mask=address(mask), box=address(box), out=address(out), side=side, out_side=wide)
    arguments.scale, arguments.left, arguments.top = scale, left, top
    kernels("trim", arguments, 2)
    back = np.array([[scale, 0, left], [0, scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    wanted = cv2.warpAffine(mask.astype(np.float32), back, (wide, wide), flags=flags, borderValue=(0.0,))
    np.testing.assert_allclose(out, np.minimum(np.rint(wanted), 200), atol=5)  # OpenCV rounds places to 1/32 px
    assert np.abs(out - np.minimum(np.rint(wanted), 200)).mean() < 0.6
