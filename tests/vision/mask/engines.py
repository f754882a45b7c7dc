"""Engines that answer what they were told to, bound by role."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from livecam.core.seams import Tensor, TensorSpec

Floats = npt.NDArray[np.float32]


class PlannedEngine:
    """Gives ``answer(picture)`` under one role and remembers the picture."""

    def __init__(self, role: str, answer: Callable[[Floats], Floats]) -> None:
        self._role = role
        self._answer = answer
        self.picture: Floats = np.empty(0, np.float32)

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        return {}

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        return {}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.picture = feeds["picture"].astype(np.float32)
        return {self._role: self._answer(self.picture)}

    def close(self) -> None:
        pass
