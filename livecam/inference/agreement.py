"""Whether an engine gives what the 32-bit network on the processor gives: before it is believed with a face.

Half precision and compiled plans have failed in the field without any error, as black squares. So what the exact
engine gave is kept once, and every faster one has to come near to it before it takes over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.seams import Engine, Tensor
from livecam.errors import EngineError

LIMIT: Final = 0.05
"""Largest relative error, root of the mean square. The stand-ins in 16 bit have 0.0002 to 0.003, a black picture 1."""

_SEED: Final = 5
_VECTOR_AXES: Final = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """What the exact engine gave for fixed noise.

    Attributes:
        feeds: The noise, by role.
        results: By role; copies.
    """

    feeds: Mapping[str, Tensor]
    results: Mapping[str, Tensor]

    @classmethod
    def of(cls, engine: Engine) -> "Reference":
        """Run `engine` once; in the thread that uses it.

        Raises:
            EngineError: It failed.
        """
        noise = np.random.default_rng(_SEED)
        feeds = {role: _noise(spec.shape, spec.dtype, noise) for role, spec in engine.inputs.items()}
        return cls(feeds, {role: result.copy() for role, result in engine.run(feeds).items()})

    def errors(self, engine: Engine) -> dict[str, float]:
        """The relative error of `engine`, root of the mean square, by role; infinite where shape or finiteness differ.

        A batch is given the same picture in every row, and every row must come out right.

        Raises:
            EngineError: It failed.
        """
        feeds = {role: _rows(feed, engine.inputs[role].shape) for role, feed in self.feeds.items()}
        found = engine.run(feeds)
        return {role: _error(found[role], wanted) for role, wanted in self.results.items()}

    def check(self, engine: Engine, name: str, limit: float = LIMIT) -> dict[str, float]:
        """As `errors`, and refuse an engine that is too far off.

        Raises:
            EngineError: It failed, or its error is beyond `limit`.
        """
        errors = self.errors(engine)
        worst = max(errors, key=lambda role: errors[role])
        # Written so that an error that is not a number is refused too.
        if not errors[worst] <= limit:
            raise EngineError(
                f"The compiled {name} gives another {worst} than the 32-bit network: its error is {errors[worst]:.3g}, "
                f"more than {limit:g}; it is not used.",
                "Build it in 32 bit: livecam engines build --precision fp32",
            )
        return errors


def _noise(shape: tuple[int, ...], dtype: str, noise: np.random.Generator) -> Tensor:
    """0..1 for pictures, of length 1 for vectors."""
    values = noise.random([max(size, 1) for size in shape])
    if len(shape) == _VECTOR_AXES:
        values -= 0.5
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    feed: Tensor = values.astype(dtype)
    return feed


def _rows(feed: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`feed` as often as an engine of this shape takes it."""
    return np.repeat(feed, shape[0], axis=0) if shape and shape[0] > len(feed) else feed


def _error(found: Tensor, wanted: Tensor) -> float:
    exact = wanted.astype(np.float64)
    if found.shape[1:] != exact.shape[1:] or len(found) < len(exact) or not np.isfinite(found).all():
        return float("inf")
    scale = max(float(np.linalg.norm(exact)), 1e-12)
    # Rows of a batch are compared one by one with the one that was kept.
    return max(
        float(np.linalg.norm(found[row : row + len(exact)].astype(np.float64) - exact)) / scale
        for row in range(0, len(found), len(exact))
    )
