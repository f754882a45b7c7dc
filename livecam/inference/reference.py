"""Proof that a converted network computes what it should: its outputs for a fixed picture, against recorded ones.

Digests of ONNX files would not do: other versions of the `onnx` package write other bytes. Developers record::

    python -m livecam.inference.reference RECIPE NETWORK.onnx
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livecam.core.seams import Tensor
from livecam.errors import ModelError
from livecam.inference.onnx import OnnxEngine, load
from livecam.inference.recipe import Expected, Recipe
from livecam.inference.recipes import load_recipe

SAMPLES = 6


def card(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """A picture of `shape` (1, H, W, 3), u8, the same on every machine: ramps, edges and a moire in each colour."""
    _, rows, columns, colours = shape
    y, x, c = np.mgrid[:rows, :columns, :colours]
    values: npt.NDArray[np.int64] = 3 * x + 5 * y + 85 * c + x * y // 16
    return (values % 256).astype(np.uint8)[None]


def summarise(output: Tensor) -> Expected:
    """What is recorded of an output."""
    values = np.asarray(output, np.float64).ravel()
    places = np.linspace(0, values.size - 1, min(SAMPLES, values.size)).astype(int)
    return Expected(float(values.mean()), float(values.std()), tuple(float(value) for value in values[places]))


def check(recipe: Recipe, path: Path) -> None:
    """Run the network in `path` once on the CPU and compare it with `recipe`.

    Raises:
        ModelError: It computes something else.
        EngineError: It cannot be run.
    """
    for name, found in measure(recipe, path).items():
        expected = recipe.reference.get(name)
        if expected is None or not _close(found, expected, recipe.tolerance):
            raise ModelError(
                f"The converted network {recipe.name} gives wrong values for '{name}'.",
                "Report it with the output of: livecam doctor --json",
            )


def measure(recipe: Recipe, path: Path) -> Mapping[str, Expected]:
    """The summary of each output of the network in `path` for the card."""
    engine: OnnxEngine = load(recipe, path)
    try:
        feeds = {name: card(contract.spec.shape) for name, contract in recipe.inputs.items()}
        return {name: summarise(output) for name, output in engine.run(feeds).items()}
    finally:
        engine.close()


def _close(found: Expected, expected: Expected, tolerance: float) -> bool:
    pairs = [(found.mean, expected.mean), (found.deviation, expected.deviation)]
    pairs += list(zip(found.samples, expected.samples, strict=False))
    return len(found.samples) == len(expected.samples) and all(abs(a - b) <= tolerance for a, b in pairs)


def main(arguments: list[str]) -> None:
    """Print the reference tables for a recipe: RECIPE NETWORK.onnx."""
    name, path = arguments
    for output, e in measure(load_recipe(name), Path(path)).items():
        samples = ", ".join(f"{value:.6g}" for value in e.samples)
        print(f"[reference.{output}]\nmean = {e.mean:.6g}\ndeviation = {e.deviation:.6g}\nsamples = [{samples}]\n")


if __name__ == "__main__":
    main(sys.argv[1:])
