"""Tensors: every contract there is, forwards against plain arithmetic, back within one step, rubbish refused."""

from itertools import product
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livecam.core.frame import Image, Size
from livecam.errors import ContractError
from livecam.vision.contract import Colour, Layout, PictureIn, PictureOut
from livecam.vision.tensor import Feeder, Reader

SIDE = 12
NORMALISATIONS: Final = {
    "raw": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "scrfd": ((127.5, 127.5, 127.5), (128.0, 128.0, 128.0)),
    "arcface": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "unit": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
"""The means and deviations of every network in the catalogue, on 0..255."""


def picture_in(name: str, colour: Colour = Colour.RGB, layout: Layout = Layout.NCHW) -> PictureIn:
    mean, std = NORMALISATIONS[name]
    return PictureIn(SIDE, colour, layout, mean, std)


def crops(side: int = SIDE) -> st.SearchStrategy[Image]:
    return hnp.arrays(np.uint8, (side, side, 3))


@pytest.mark.parametrize(("name", "colour", "layout"), [*product(NORMALISATIONS, Colour, Layout)])
@given(crop=crops())
@settings(max_examples=10, deadline=None)
def test_a_crop_is_fed_by_the_contract(name: str, colour: Colour, layout: Layout, crop: Image) -> None:
    picture = picture_in(name, colour, layout)
    ordered = crop[..., ::-1] if colour is Colour.RGB else crop
    wanted = (ordered.astype(np.float64) - picture.mean) / picture.std
    if layout is Layout.NCHW:
        wanted = wanted.transpose(2, 0, 1)
    fed = Feeder(picture)(crop)
    assert fed.dtype == np.float32
    np.testing.assert_allclose(fed[0], wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("colour", "layout"), [*product(Colour, Layout)])
@pytest.mark.parametrize(
    ("name", "low", "high"), [("raw", 0.0, 255.0), ("unit", 0.0, 1.0), ("arcface", -1.0, 1.0)], ids=str
)
@given(crop=crops())
@settings(max_examples=10, deadline=None)
def test_reading_what_was_fed_gives_the_crop(
    name: str, low: float, high: float, colour: Colour, layout: Layout, crop: Image
) -> None:
    fed = Feeder(picture_in(name, colour, layout))(crop)
    read = Reader(PictureOut(low, high, colour, layout), SIDE)(fed[0], np.empty_like(crop))
    np.testing.assert_array_equal(read, crop)


@pytest.mark.parametrize("layout", Layout)
@given(
    values=hnp.arrays(np.float32, (3, SIDE, SIDE), elements=st.floats(-3, 3, width=32)),
    low=st.sampled_from([0.0, -1.0]),
)
@settings(max_examples=25, deadline=None)
def test_values_are_scaled_rounded_and_cut(layout: Layout, values: np.ndarray, low: float) -> None:
    exact = np.clip((values.astype(np.float64) - low) / (1 - low) * 255, 0, 255)[::-1].transpose(1, 2, 0)
    row = values if layout is Layout.NCHW else np.ascontiguousarray(values.transpose(1, 2, 0))
    read = Reader(PictureOut(low, 1.0, Colour.RGB, layout), SIDE)(row, np.empty((SIDE, SIDE, 3), np.uint8))
    assert np.abs(read - exact).max() <= 0.5 + 1e-4


def test_rows_of_a_batch_do_not_disturb_each_other() -> None:
    feeder = Feeder(picture_in("unit"), batch=3)
    pictures = [np.full((SIDE, SIDE, 3), value, np.uint8) for value in (10, 20, 30)]
    for row, crop in enumerate(pictures):
        assert feeder(crop, row) is feeder.tensor
    fed = feeder.tensor
    assert fed.shape == (3, 3, SIDE, SIDE)
    np.testing.assert_allclose(fed.mean(axis=(1, 2, 3)) * 255, [10, 20, 30], rtol=1e-6)


@pytest.mark.parametrize("layout", Layout)
def test_pictures_that_are_not_square_and_crops_cut_out_of_larger_ones_are_fed(layout: Layout) -> None:
    random = np.random.default_rng(1)
    large = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    crop = large[3:35, 4:20]
    picture = PictureIn(64, Colour.RGB, layout, *NORMALISATIONS["raw"])
    fed = Feeder(picture, size=Size(16, 32))(crop)
    wanted = crop[..., ::-1] if layout is Layout.NHWC else crop[..., ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(fed[0], wanted)


@pytest.mark.parametrize(
    "crop",
    [np.zeros((SIDE, SIDE + 1, 3), np.uint8), np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE, 3), np.int16)],
    ids=["size", "grey", "dtype"],
)
def test_a_crop_of_another_kind_is_refused(crop: Image) -> None:
    with pytest.raises(ContractError, match="takes a crop"):
        Feeder(picture_in("unit"))(crop)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@given(place=st.integers(0, 3 * SIDE * SIDE - 1))
@settings(max_examples=20, deadline=None)
def test_one_value_that_is_not_finite_is_refused(layout: Layout, value: float, place: int) -> None:
    row = np.zeros((3, SIDE, SIDE) if layout is Layout.NCHW else (SIDE, SIDE, 3), np.float32)
    row.flat[place] = value
    with pytest.raises(ContractError, match="not finite"):
        Reader(PictureOut(0.0, 1.0, Colour.RGB, layout), SIDE)(row, np.empty((SIDE, SIDE, 3), np.uint8))


def test_infinities_that_cancel_are_refused() -> None:
    row = np.zeros((3, SIDE, SIDE), np.float32)
    row[0, 0, :2] = np.inf, -np.inf
    with pytest.raises(ContractError, match="not finite"):
        Reader(PictureOut(0.0, 1.0, Colour.RGB, Layout.NCHW), SIDE)(row, np.empty((SIDE, SIDE, 3), np.uint8))


@pytest.mark.parametrize(
    "row",
    [np.zeros((3, SIDE, SIDE + 1), np.float32), np.zeros((1, 3, SIDE, SIDE), np.float32), np.zeros((3, SIDE, SIDE))],
    ids=["size", "rank", "dtype"],
)
def test_a_result_of_another_kind_is_refused(row: np.ndarray) -> None:
    with pytest.raises(ContractError, match="must have"):
        Reader(PictureOut(0.0, 1.0, Colour.RGB, Layout.NCHW), SIDE)(row, np.empty((SIDE, SIDE, 3), np.uint8))


def test_memory_of_another_shape_is_not_written() -> None:
    reader = Reader(PictureOut(0.0, 1.0, Colour.RGB, Layout.NCHW), SIDE)
    with pytest.raises(ContractError, match="is wanted"):
        reader(np.zeros((3, SIDE, SIDE), np.float32), np.empty((SIDE, SIDE + 1, 3), np.uint8))
