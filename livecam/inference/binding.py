"""A session's inputs and outputs tied to memory that is allocated once."""

from collections.abc import Mapping

import numpy as np
import onnxruntime

from livecam.core.seams import Tensor, TensorSpec


class Binding:
    """Runs a session into outputs that are allocated once. Used by one thread.

    Args:
        session: Whose shapes are all fixed.
        outputs: Its outputs.
    """

    def __init__(self, session: onnxruntime.InferenceSession, outputs: Mapping[str, TensorSpec]) -> None:
        self._session = session
        self._io = session.io_binding()
        self._outputs = {name: np.empty(spec.shape, spec.dtype) for name, spec in outputs.items()}
        for name, array in self._outputs.items():
            self._io.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Run once; the outputs are overwritten by the next run."""
        # Bound inputs are bare addresses: those of an earlier run must not be there when one is missing now.
        self._io.clear_binding_inputs()
        held = {name: np.ascontiguousarray(tensor) for name, tensor in feeds.items()}
        for name, array in held.items():
            self._io.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(self._io)
        return self._outputs
