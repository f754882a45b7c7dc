"""Fills out TFLite's sparse weights (the DENSIFY operator of pruned networks).

The format stores a tensor level by level in a traversal order; a level is dense, or sparse with row pointers and
column indices as in CSR (TensorFlow's schema.fbs, SparsityParameters; the scheme is that of the TACO compiler).
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from livecam.inference.convert.flat import Table, damaged

Integers = npt.NDArray[np.int64]
INDEX_DTYPES: Final = {1: "<i4", 2: "<u2", 3: "u1"}


def dense(values: npt.NDArray[np.generic], shape: tuple[int, ...], sparsity: Table) -> npt.NDArray[np.generic]:
    """The tensor of `shape` whose stored elements are `values`; the others are zero.

    Blocked layouts are not read: no network of this project has one.

    Raises:
        ModelError: The description is blocked or contradicts `shape` or `values`.
    """
    order, levels = sparsity.integers(0), sparsity.tables(2)
    if sorted(order) != list(range(len(shape))) or len(levels) != len(order):
        raise damaged(f"sparse weights of shape {shape} are stored in the unknown order {order}")
    position = np.zeros(1, np.int64)
    index: list[Integers] = []
    for axis, level in zip(order, levels, strict=True):
        parent, position, coordinate = _descend(level, position, shape[axis], math.prod(shape))
        index = [column[parent] for column in index] + [coordinate]
    if position.size and (position.max() >= values.size):
        raise damaged("sparse weights name more elements than there are")
    out = np.zeros(shape, values.dtype)
    by_axis = sorted(zip(order, index, strict=True), key=lambda pair: pair[0])
    out[tuple(coordinate for _, coordinate in by_axis)] = values[position]
    return out


def _descend(level: Table, position: Integers, size: int, limit: int) -> tuple[Integers, Integers, Integers]:
    """One level down: for each element below, its parent's row, its position and its coordinate."""
    if level.number(0) == 0:
        if position.size * size > limit or level.number(1, "i") != size:
            raise damaged("sparse weights have a level of the wrong size")
        parent = np.repeat(np.arange(position.size), size)
        coordinate = np.tile(np.arange(size), position.size)
        return parent, position[parent] * size + coordinate, coordinate
    return _descend_sparse(level, position, size, limit)


def _descend_sparse(level: Table, position: Integers, size: int, limit: int) -> tuple[Integers, Integers, Integers]:
    pointers, coordinates = _indices(level, 2, 3), _indices(level, 4, 5)
    if position.size and position.max() + 1 >= pointers.size:
        raise damaged("sparse weights have too few row pointers")
    first, count = pointers[position], pointers[position + 1] - pointers[position]
    if count.size and (count.min() < 0 or first.min() < 0 or count.sum() > limit):
        raise damaged("sparse weights have row pointers that run backwards or too far")
    parent = np.repeat(np.arange(position.size), count)
    below = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[parent]
    if below.size and (below.max() >= coordinates.size or coordinates.max() >= size or coordinates.min() < 0):
        raise damaged("sparse weights have coordinates outside their tensor")
    return parent, below, coordinates[below]


def _indices(level: Table, kind_field: int, table_field: int) -> Integers:
    dtype, table = INDEX_DTYPES.get(level.number(kind_field, "B")), level.table(table_field)
    if dtype is None or table is None:
        raise damaged("sparse weights lack their indices")
    return table.array(0, dtype).astype(np.int64)
