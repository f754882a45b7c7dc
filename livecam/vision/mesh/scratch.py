"""Working memory that is allocated once and then only lent."""

import math
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)

_SPARE = 1.3


class Scratch:
    """Named buffers that grow to the largest shape asked for, with some to spare, and then stay. One thread."""

    def __init__(self) -> None:
        self._buffers: dict[str, npt.NDArray[np.uint8]] = {}
        self._lent: dict[str, npt.NDArray[np.generic]] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: type[Scalar]) -> npt.NDArray[Scalar]:
        """An array of `shape`, C-contiguous, over the buffer of that name; its contents are whatever was there.

        Valid until the next call with the same name.
        """
        lent = self._lent.get(name)
        if lent is not None and lent.shape == shape and lent.dtype.type is dtype:
            return cast("npt.NDArray[Scalar]", lent)
        need = math.prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.nbytes < need:
            buffer = self._buffers[name] = np.empty(int(need * _SPARE), dtype=np.uint8)
        array = buffer[:need].view(dtype).reshape(shape)
        self._lent[name] = array
        return array
