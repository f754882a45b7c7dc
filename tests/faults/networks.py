"""Networks that fail on command: what runs each embedded one, behind a double that can raise, hang, or lie."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import DeviceError, EngineError
from livecam.inference import onnx
from livecam.inference.recipe import Recipe
from tests.faults.board import BOARD

PART: Final = "inference"
STICKY: Final = "CUDA failure 700: an illegal memory access was encountered"


def install() -> None:
    """From now on networks fail when they are told to."""
    load = onnx.load

    def loaded(recipe: Recipe, path: Path, provider: str = "cpu", threads: int = 1) -> Engine:
        return FaultEngine(load(recipe, path, provider, threads))

    vars(onnx)["load"] = loaded


class FaultEngine:
    """An `Engine` before another.

    Args:
        inner: Does the work.
    """

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._lost = False

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """See `Engine`."""
        return self._inner.inputs

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        """See `Engine`."""
        return self._inner.outputs

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """See `Engine`."""
        word = BOARD.word(PART)
        if word == "gpu" or self._lost:
            # As CUDA's sticky errors: whatever was loaded before stays lost, and only what is loaded anew works.
            self._lost = True
            raise DeviceError(f"The network failed on cuda: {STICKY}.")
        self._fail(word)
        outputs = self._inner.run(feeds)
        if word == "nan":
            return {name: np.full_like(value, np.nan) for name, value in outputs.items()}
        if word == "shape":
            return {name: value.reshape(-1)[:7] for name, value in outputs.items()}
        return outputs

    def _fail(self, word: str) -> None:
        match word:
            case "exception":
                raise EngineError("The network failed on cpu: [ONNXRuntimeError] : 1 : FAIL : injected.")
            case "bug":
                raise ZeroDivisionError("injected")
            case "memory":
                raise MemoryError("Unable to allocate 88.0 MiB: injected")
            case "hang":
                BOARD.hang(PART)

    def close(self) -> None:
        """See `Engine`."""
        self._inner.close()
