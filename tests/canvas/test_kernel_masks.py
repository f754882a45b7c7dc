"""Masks on the card are those of livecam/vision/mask."""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.canvas.device.mask import soften_arguments
from livecam.canvas.kernels.chain_arguments import MergeArguments, ShareArguments
from livecam.canvas.kernels.layout import KIND_F16, KIND_F32
from livecam.core.frame import Image
from livecam.vision.mask.bisenet import CLASSES
from livecam.vision.mask.soft import Softener
from livecam.vision.mask.steady import SteadyMasker
from tests.canvas.host_kernels import HostKernels, address

Floats = npt.NDArray[np.floating]
REGIONS = (1, 10, 12)


def shared(kernels: HostKernels, tensor: Floats, out_side: int, many: Mapping[str, int]) -> tuple[Floats, int]:
    out, bad = np.full((out_side, out_side), 7, np.float32), np.zeros(1, np.int32)
    arguments = ShareArguments(tensor=address(tensor), out=address(out), bad=address(bad), out_side=out_side, floor=0.1)
    arguments.side, arguments.classes, arguments.regions = tensor.shape[-1], many["classes"], many["regions"]
    arguments.kind = KIND_F16 if tensor.dtype == np.float16 else KIND_F32
    kernels("share", arguments, 3, 2)
    return out, int(bad[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("out_side", [48, 24, 20])
def test_an_occlusion_is_cut_at_its_floor_and_averaged(kernels: HostKernels, out_side: int, dtype: type) -> None:
    values: Floats = np.random.default_rng(0).uniform(-0.3, 1.3, (48, 48)).astype(dtype)
    found, bad = shared(kernels, values, out_side, {"classes": 1, "regions": 0})
    single = values.astype(np.float32)
    wanted = np.minimum(np.where(single > np.float32(0.1), single, 0), 1)
    np.testing.assert_allclose(found, cv2.resize(wanted, (out_side, out_side), interpolation=cv2.INTER_AREA), atol=1e-5)
    assert bad == 0


@pytest.mark.parametrize("out_side", [32, 16])
def test_regions_are_where_one_of_them_is_best(kernels: HostKernels, out_side: int) -> None:
    logits = np.random.default_rng(1).standard_normal((CLASSES, 32, 32)).astype(np.float32)
    found, bad = shared(kernels, logits, out_side, {"classes": CLASSES, "regions": sum(1 << r for r in REGIONS)})
    wanted = np.isin(logits.argmax(axis=0), REGIONS).astype(np.float32)
    np.testing.assert_allclose(found, cv2.resize(wanted, (out_side, out_side), interpolation=cv2.INTER_AREA), atol=1e-6)
    assert bad == 0


@pytest.mark.parametrize("many", [{"classes": 1, "regions": 0}, {"classes": CLASSES, "regions": 2}])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_counted(kernels: HostKernels, many: Mapping[str, int], value: float) -> None:
    tensor = np.zeros((many["classes"], 8, 8), np.float32)
    tensor[-1, 3, 4] = value
    assert shared(kernels, tensor, 8, many)[1] == 1


def softened(kernels: HostKernels, plane: npt.NDArray[np.float32], crop_side: int) -> Image:
    rows, out = np.empty_like(plane), np.zeros(plane.shape, np.uint8)
    arguments = soften_arguments(len(plane), crop_side, address(plane), address(rows), address(out))
    kernels("blur_rows", arguments, 3, 2)
    kernels("soften", arguments, 3, 2)
    return out


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("crop_side", [128, 256])
def test_masks_are_softened_as_on_the_cpu(kernels: HostKernels, side: int, crop_side: int) -> None:
    rng = np.random.default_rng(side)
    plane = np.clip(cv2.GaussianBlur(rng.random((side, side), np.float32), (0, 0), 3) * 6 - 2.5, 0, 1)
    found = softened(kernels, plane, crop_side)
    soft = Softener()(plane, np.empty((crop_side, crop_side), np.uint8))
    own = cv2.resize(found, (crop_side, crop_side), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(own.astype(int), soft, atol=1)


class Drawn:
    """A masker that says what it is told to."""

    mask: Image

    def __call__(self, crop: Image, out: Image) -> Image:
        np.copyto(out, self.mask)
        return out


@pytest.mark.parametrize("soft_side", [40, 20])
def test_masks_are_steadied_and_composed_as_on_the_cpu(kernels: HostKernels, soft_side: int) -> None:
    side, now, drawn, rng = 40, 0, Drawn(), np.random.default_rng(2)
    steady = SteadyMasker(drawn, lambda: now)
    shown = np.zeros((side, side), np.uint8)
    base = rng.integers(0, 256, (side, side)).astype(np.uint8)
    for frame, step_ms in enumerate((0, 33, 33, 7, 290, 400, 33)):
        now += step_ms * 1_000_000
        soft = rng.integers(0, 256 if frame % 2 else 60, (soft_side, soft_side)).astype(np.uint8)
        drawn.mask = cv2.resize(soft, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        wanted = steady(base, np.empty_like(base))
        mask = base.copy()
        arguments = MergeArguments(soft=address(soft), shown=address(shown), mask=address(mask), soft_side=soft_side)
        arguments.side, arguments.fresh = side, frame == 0 or step_ms > 300
        arguments.calm = 1 - np.exp(-step_ms / 120)
        kernels("merge", arguments, 2, 2)
        np.testing.assert_allclose(shown.astype(int), wanted, atol=1 if soft_side == side else 4)
        assert np.abs(shown.astype(int) - wanted).mean() < 0.5
        np.testing.assert_array_equal(mask, np.minimum(base, shown))
