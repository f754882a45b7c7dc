"""The card under test, and what it can do at most."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from livecam.canvas.cuda import CudaCanvas
from livecam.canvas.kernels.library import KernelLibrary
from livecam.core.device import Device

PEAK_TFLOPS = {"H200": 790.0, "H100": 790.0}
"""Matrix arithmetic in 16 bit, dense, by a word in the card's name: measured on an H200 (bf16); others are not listed,
and then only the bandwidth makes a floor."""


@dataclass(frozen=True, slots=True)
class Rig:
    """How a card is reached; tests reach one of their own.

    Attributes:
        make_device: Makes the card.
        make_library: Loads the kernels on it.
    """

    make_device: Callable[[], Device]
    make_library: Callable[[Device], KernelLibrary]

    def canvas(self, held: ExitStack) -> CudaCanvas:
        """A canvas on the card; `held` frees both."""
        device = self.make_device()
        held.callback(device.close)
        canvas = CudaCanvas(device, self.make_library(device))
        held.callback(canvas.close)
        return canvas


def peak_tflops(card: str) -> float | None:
    """What the card can do in 16 bit, where it is known."""
    return next((peak for word, peak in PEAK_TFLOPS.items() if word in card), None)
