"""What this computer has for networks: its card, asked of the driver, and each backend, by starting it."""

import platform
import sys
from importlib.util import find_spec

from livecam.errors import ExtraMissing, LivecamError
from livecam.inference.backends import Backend
from livecam.inference.card import Card, NoCard, find_card
from livecam.inference.cuda_calls import bindings
from livecam.inference.toolkits import toolkit


class ThisComputer:
    """`livecam.inference.backends.Facts` of this computer.

    Everything is asked once; starting a backend takes up to seconds.
    """

    def __init__(self) -> None:
        self._card: Card | NoCard | None = None
        self._troubles: dict[Backend, LivecamError | None] = {}

    @property
    def system(self) -> str:
        """``Linux``, ``Darwin`` or ``Windows``."""
        return platform.system()

    @property
    def python(self) -> tuple[int, int]:
        """Version of this interpreter."""
        return sys.version_info[:2]

    def card(self) -> Card | NoCard:
        """The first card that the driver lists."""
        if self._card is None:
            self._card = find_card()
        return self._card

    def trouble(self, backend: Backend) -> LivecamError | None:
        """For TensorRT, what keeps its packages from loading; else what keeps a small network from running."""
        if backend not in self._troubles:
            self._troubles[backend] = _trouble(backend)
        return self._troubles[backend]


def _trouble(backend: Backend) -> LivecamError | None:
    if backend is Backend.REMOTE:
        absent = find_spec("tritonclient") is None
        return ExtraMissing("tritonclient is not installed.", "pip install 'livecam[remote]'") if absent else None
    if backend.flavour is None:
        return _on_onnx_runtime(backend)
    try:
        toolkit(backend.flavour)
        bindings("runtime")
    except ExtraMissing as error:
        return error
    return None


def _on_onnx_runtime(backend: Backend) -> LivecamError | None:
    try:
        # Not before it is asked for: it takes a moment to import.
        from livecam.inference import onnx
    except ImportError as error:
        step = "pip install --force-reinstall onnxruntime"
        return ExtraMissing(f"ONNX Runtime does not load: {error}.", step)
    return onnx.trouble(str(backend))
