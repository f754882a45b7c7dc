"""A swapper as a stage: colour order, the network's own mask, pixel boost, and what is refused."""

from collections.abc import Callable

import numpy as np
import pytest

from livecam.core.seams import Engine
from livecam.errors import ContractError
from livecam.vision.contract import SwapperContract
from livecam.vision.swap.stage import CropSwapper, phases
from livecam.vision.template import Template, points_of
from tests.vision.swap import planted
from tests.vision.swap.conftest import KEY, Spoilt, source_of

Build = Callable[..., CropSwapper]


def contract_of(name: str) -> SwapperContract:
    contract = planted.model(name).contract
    assert isinstance(contract, SwapperContract)
    return contract


def crop_of(side: int) -> np.ndarray:
    return np.random.default_rng(1).integers(40, 200, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_splitting_and_joining_is_the_identity(factor: int) -> None:
    image = crop_of(factor * 8)
    joined = np.zeros_like(image)
    parts = [part.copy() for part in phases(image, factor)]
    assert {part.shape for part in parts} == {(8, 8, 3)}
    for part, place in zip(parts, phases(joined, factor), strict=True):
        np.copyto(place, part)
    np.testing.assert_array_equal(joined, image)
    np.testing.assert_array_equal(phases(image, factor)[-1][0, 0], image[factor - 1, factor - 1])


def test_colours_go_to_their_own_planes(crop_swapper: Build) -> None:
    """The first number of the source reddens, the third makes it blue; frames are BGR, the network is RGB."""
    crop, out = crop_of(128), np.empty((128, 128, 3), np.uint8)
    crop_swapper()(crop, source_of(1, 0, -0.5), out)
    change = out.astype(int) - crop
    np.testing.assert_allclose(change.reshape(-1, 3).min(axis=0), [-26, 0, 51], atol=1)
    np.testing.assert_allclose(change.reshape(-1, 3).max(axis=0), [-25, 0, 51], atol=1)


def test_what_goes_in_is_left_alone(crop_swapper: Build) -> None:
    crop = crop_of(128)
    before = crop.copy()
    crop_swapper(gain=0.5)(crop, source_of(0.1), np.empty_like(crop))
    np.testing.assert_array_equal(crop, before)


def test_the_networks_own_mask_comes_with_the_picture(crop_swapper: Build) -> None:
    planted_mask = np.tile(np.linspace(-0.1, 1.1, 256), (256, 1))
    swap = crop_swapper("hyperswap_1a_256", side=256, low=-1.0, mask=planted_mask, emap=None)
    crop, out = crop_of(256), np.empty((256, 256, 3), np.uint8)
    mask = swap(crop, source_of(0, 0), out)
    assert mask is not None
    np.testing.assert_array_equal(out, crop)
    np.testing.assert_allclose(mask, np.clip(planted_mask * 255, 0, 255), atol=0.51)


def test_a_network_without_a_mask_gives_none(crop_swapper: Build) -> None:
    crop = crop_of(128)
    assert crop_swapper()(crop, source_of(0), np.empty_like(crop)) is None


@pytest.mark.parametrize("boost", [2, 3])
def test_pixel_boost_in_one_run_equals_one_run_for_each_phase(boost: int, crop_swapper: Build) -> None:
    crop = crop_of(128 * boost)
    looped, batched = np.empty_like(crop), np.empty_like(crop)
    crop_swapper(boost=boost, gain=0.7, bias=0.1)(crop, source_of(0.4, 0, 0.2), looped)
    several = crop_swapper(boost=boost, batch=boost**2, gain=0.7, bias=0.1)
    assert several._engine.inputs["target"].shape[0] == boost**2
    several(crop, source_of(0.4, 0, 0.2), batched)
    np.testing.assert_array_equal(looped, batched)
    wanted = crop * 0.7 + 25.5 + np.array([0.2, 0, 0.4]) * 51
    np.testing.assert_allclose(looped, wanted, atol=0.6)


def test_boost_sees_every_phase_for_itself(swap_engine: Callable[..., Engine]) -> None:
    engine = Spoilt(swap_engine(), lambda _, tensor: tensor)
    swap = CropSwapper(engine, contract_of(KEY), boost=2)
    crop = crop_of(256)
    swap(crop, source_of(0), np.empty_like(crop))
    seen = [feeds["target"][0, 0] * 255 for feeds in engine.fed]
    assert len(seen) == 4
    for found, (i, j) in zip(seen, [(0, 0), (0, 1), (1, 0), (1, 1)], strict=True):
        np.testing.assert_allclose(found, crop[i::2, j::2, 2], atol=1e-3)


def test_a_boosted_mask_is_joined_too(crop_swapper: Build) -> None:
    planted_mask = np.tile(np.linspace(0, 1, 256), (256, 1))
    swap = crop_swapper("hyperswap_1a_256", boost=2, side=256, low=-1.0, mask=planted_mask, emap=None)
    crop = crop_of(512)
    mask = swap(crop, source_of(0), np.empty_like(crop))
    assert mask is not None
    np.testing.assert_allclose(mask, np.repeat(np.repeat(planted_mask * 255, 2, 0), 2, 1), atol=0.51)


def test_the_crop_is_aligned_by_the_recipes_template_and_offset(crop_swapper: Build) -> None:
    wanted = points_of(Template.ARCFACE_128, 256)
    shifted = crop_swapper("reswapper_256", side=256).matrix(wanted)
    np.testing.assert_allclose(shifted, [[1, 0, 0.5], [0, 1, 0.5]], atol=1e-4)
    np.testing.assert_allclose(crop_swapper(boost=2).matrix(wanted), [[1, 0, 0], [0, 1, 0]], atol=1e-4)


@pytest.mark.parametrize("boost", [0, 9])
def test_a_boost_out_of_range_is_refused(boost: int, crop_swapper: Build) -> None:
    with pytest.raises(ValueError, match=r"1\.\.8"):
        crop_swapper(boost=boost)


def test_an_engine_of_another_size_or_batch_is_refused(swap_engine: Callable[..., Engine]) -> None:
    with pytest.raises(ContractError, match="256 px"):
        CropSwapper(swap_engine(), contract_of("reswapper_256"))
    with pytest.raises(ContractError, match="takes 4 crops at once"):
        CropSwapper(swap_engine(batch=4), contract_of(KEY), boost=3)


def test_sources_that_do_not_fit_are_known(crop_swapper: Build) -> None:
    swap = crop_swapper()
    assert swap.fits(source_of(1))
    assert not swap.fits(np.zeros((1, 128), np.float32))
    assert not swap.fits(np.zeros((1, 3, 112, 112), np.float32))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tensor: np.where(tensor > 0.5, np.nan, tensor).astype(np.float32), "not finite"),
        (np.zeros_like, "one colour"),
        (lambda tensor: np.full_like(tensor, np.inf), "not finite"),
        (lambda tensor: tensor[:, :, :64], "shape"),
        (lambda tensor: tensor.astype(np.float64), "float64"),
        (lambda tensor: np.concatenate([tensor, tensor]), "gave 2"),
    ],
)
def test_rubbish_is_refused(
    spoil: Callable[[np.ndarray], np.ndarray], message: str, swap_engine: Callable[..., Engine]
) -> None:
    swap = CropSwapper(Spoilt(swap_engine(), lambda _, tensor: spoil(tensor)), contract_of(KEY))
    with pytest.raises(ContractError, match=message):
        swap(crop_of(128), source_of(0), np.empty((128, 128, 3), np.uint8))
