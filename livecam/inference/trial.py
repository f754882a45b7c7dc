"""Tries a network once when it is loaded, so that what is wrong with it is told then, not in the middle of a call."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import EngineError, ModelError

_SEED: Final = 1
_PICTURE_AXES: Final = 4
# Of the largest value. 16-bit arithmetic differs by less from one batch to another.
_SAME: Final = 0.02


def try_engine(engine: Engine, path: Path) -> None:
    """Run `engine`, bound by role, on noise; the first run of a network is slow as well, and this is it.

    Raises:
        ModelError: It fails, gives another shape than it states, values that are not finite, or is a swapper that
            swaps nothing.
    """
    feeds = _feeds(engine)
    results = _run(engine, feeds, path)
    for role, result in results.items():
        stated = engine.outputs[role]
        if not _fits(result, stated):
            raise ModelError(
                f"{path} gives as {role} a shape of {result.shape} {result.dtype}, but states {stated.shape} "
                f"{stated.dtype}; the file is damaged or was converted wrongly."
            )
        if result.dtype.kind == "f" and not np.isfinite(result).all():
            raise ModelError(
                f"{path} gives as {role} values that are not finite.",
                "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
            )
        if "target" in feeds and _alike(result, feeds["target"]):
            raise ModelError(
                f"{path} gives back as {role} the face that it is given.",
                "The file is damaged or was converted wrongly; use it as its author published it.",
            )


def try_batch(engine: Engine, path: Path) -> None:
    """Make sure that each row of a batch is worked on by itself: a file made for one picture can mix them.

    Raises:
        ModelError: It fails, or rows influence each other.
    """
    feeds = _feeds(engine)
    pictures = [tensor for tensor in feeds.values() if tensor.ndim == _PICTURE_AXES]
    for tensor in pictures:
        tensor[-1] = tensor[0]
    twins = _copies(_run(engine, feeds, path))
    for tensor in pictures:
        tensor[-1] = tensor[-1, ..., ::-1, :]
    apart = _run(engine, feeds, path)
    for role, result in twins.items():
        rows = max(len(tensor) for tensor in pictures)
        alike = len(result) == rows and _same(result[0], result[-1]) and _same(result[0], apart[role][0])
        if not alike or _same(apart[role][0], apart[role][-1]):
            raise ModelError(f"{path} mixes up pictures that it is given together.")


def _alike(result: Tensor, feed: Tensor) -> bool:
    return result.shape == feed.shape and bool(np.allclose(result, feed, atol=1e-3))


def _feeds(engine: Engine) -> dict[str, Tensor]:
    """Noise for every input: 0..1 for pictures and points, of length 1 for vectors."""
    noise = np.random.default_rng(_SEED)
    return {role: _noise(spec, noise) for role, spec in engine.inputs.items()}


def _noise(spec: TensorSpec, noise: np.random.Generator) -> Tensor:
    shape = [max(size, 1) for size in spec.shape]
    values = noise.random(shape)
    if len(shape) == 2:
        values -= 0.5
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    feed: Tensor = values.astype(spec.dtype)
    return feed


def _run(engine: Engine, feeds: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    try:
        return engine.run(feeds)
    except EngineError as error:
        raise ModelError(f"{path} could be loaded but does not run: {error}") from error


def _copies(results: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The results, kept beyond the next run."""
    return {role: result.copy() for role, result in results.items()}


def _fits(result: Tensor, stated: TensorSpec) -> bool:
    sizes = zip(result.shape, stated.shape, strict=False)
    same_rank = result.ndim == len(stated.shape) or not stated.shape
    return same_rank and str(result.dtype) == stated.dtype and all(given == size or size < 0 for given, size in sizes)


def _same(one: Tensor, other: Tensor) -> bool:
    first, second = one.astype(np.float64), other.astype(np.float64)
    return bool(np.abs(first - second).max() <= _SAME * max(float(np.abs(first).max()), 1e-6))
