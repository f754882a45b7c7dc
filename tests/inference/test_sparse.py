"""Sparse weights: written here by FlatBuffers' own builder, read by ours."""

import random

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livecam.errors import ModelError
from livecam.inference.convert.flat import Table
from livecam.inference.convert.sparse import dense

Floats = npt.NDArray[np.float32]


def sparsity(order: list[int], sizes: list[int], pointers: list[int], coordinates: list[int]) -> Table:
    """SparsityParameters whose last level is sparse and whose others are dense."""
    builder = flatbuffers.Builder(256)
    levels = [_level(builder, size, None) for size in sizes[:-1]] + [_level(builder, 0, (pointers, coordinates))]
    builder.StartVector(4, len(levels), 4)
    for level in reversed(levels):
        builder.PrependUOffsetTRelative(level)
    metadata = builder.EndVector()
    traversal = builder.CreateNumpyVector(np.array(order, np.int32))
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, traversal, 0)
    builder.PrependUOffsetTRelativeSlot(2, metadata, 0)
    builder.Finish(builder.EndObject())
    return Table.root(bytes(builder.Output()))


def _level(builder: flatbuffers.Builder, size: int, indices: tuple[list[int], list[int]] | None) -> int:
    vectors = [_indices(builder, numbers) for numbers in indices or ()]
    builder.StartObject(6)
    if not vectors:
        builder.PrependInt32Slot(1, size, 0)
    else:
        builder.PrependInt8Slot(0, 1, 0)
        for slot, vector in zip((2, 4), vectors, strict=True):
            builder.PrependUint8Slot(slot, 1, 0)
            builder.PrependUOffsetTRelativeSlot(slot + 1, vector, 0)
    return int(builder.EndObject())


def _indices(builder: flatbuffers.Builder, numbers: list[int]) -> int:
    values = builder.CreateNumpyVector(np.array(numbers, np.int32))
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, values, 0)
    return int(builder.EndObject())


@settings(deadline=None)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=st.sampled_from([0.0, 0.0, 1.5, -2.0]),
    ),
    st.randoms(use_true_random=False),
)
def test_what_was_stored_sparse_is_read_whole(tensor: Floats, chance: random.Random) -> None:
    order = list(range(tensor.ndim))
    chance.shuffle(order)
    rows = tensor.transpose(order).reshape(-1, tensor.shape[order[-1]])
    pointers = [0, *np.cumsum((rows != 0).sum(axis=1)).tolist()]
    coordinates = np.nonzero(rows)[1].tolist()
    description = sparsity(order, [tensor.shape[axis] for axis in order], pointers, coordinates)
    np.testing.assert_array_equal(dense(rows[rows != 0], tensor.shape, description), tensor)


@pytest.mark.parametrize(
    ("order", "sizes", "pointers", "coordinates", "expected"),
    [
        ([0, 0], [2, 3], [0, 1, 2], [0, 1], "unknown order"),
        ([0, 1, 2], [2, 3, 1], [0, 1, 2], [0, 1], "unknown order"),
        ([0, 1], [5, 3], [0, 1, 2], [0, 1], "level of the wrong size"),
        ([0, 1], [2, 3], [0, 1], [0, 1], "too few row pointers"),
        ([0, 1], [2, 3], [0, 2, 1], [0, 1], "run backwards"),
        ([0, 1], [2, 3], [0, 1, 9], [0, 1], "too far"),
        ([0, 1], [2, 3], [0, 1, 2], [0, 3], "outside their tensor"),
        ([0, 1], [2, 3], [0, 1, 2], [0, -1], "outside their tensor"),
        ([0, 1], [2, 3], [0, 1, 3], [0, 1, 2], "more elements than there are"),
    ],
)
def test_lies_are_refused(
    order: list[int], sizes: list[int], pointers: list[int], coordinates: list[int], expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        dense(np.ones(2, np.float32), (2, 3), sparsity(order, sizes, pointers, coordinates))
