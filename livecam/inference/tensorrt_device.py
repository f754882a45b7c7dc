"""A network of TensorRT whose inputs and outputs stay on the card: kernels write the one and read the other."""

from collections.abc import Mapping
from typing import Final

from livecam.core.device import Device, DeviceEngine, DeviceTensor
from livecam.errors import EngineError
from livecam.inference.bind import Roles, roles
from livecam.inference.model import Model
from livecam.inference.plan_file import Sealed
from livecam.inference.plans import PlanCache
from livecam.inference.tensorrt import TensorRtEngine, load_tried
from livecam.inference.toolkits import Toolkit

_KERNELS_KNOW: Final = ("float32", "float16")


class TensorRtDeviceEngine:
    """A `DeviceEngine` over a loaded plan, which it owns.

    Args:
        engine: Under the graph's names; has run once.
        found: What they are for.

    Raises:
        EngineError: An input or output is of numbers that no kernel writes or reads.
    """

    def __init__(self, engine: TensorRtEngine, found: Roles) -> None:
        self._engine = engine
        tensors = engine.tensors()
        self._inputs = {role: _usable(role, tensors[name]) for role, name in found.inputs.items()}
        self._outputs = {role: _usable(role, tensors[name]) for role, name in found.outputs.items()}

    @property
    def inputs(self) -> Mapping[str, DeviceTensor]:
        """Where what it takes is to be written, by role. 64-bit numbers of the file are 32-bit ones here."""
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, DeviceTensor]:
        """Where what it gives will be, by role."""
        return self._outputs

    @property
    def capturable(self) -> bool:
        """Whether `enqueue` may be noted into a graph."""
        return self._engine.capturable

    def enqueue(self, stream: int) -> None:
        """Begin to run it on its inputs, at their largest.

        Raises:
            EngineError: It is closed.
            DeviceError: The card refused.
        """
        self._engine.enqueue(stream)

    def close(self) -> None:
        """Free the card's memory. Idempotent."""
        self._engine.close()


def device_engine(model: Model, plan: Sealed, kit: Toolkit, device: Device, cache: PlanCache) -> DeviceEngine:
    """The network of `model` from a verified plan, tried once, to be used on the card by roles.

    Raises:
        EngineError: As `TensorRtEngine`, or it takes or gives numbers that must go through the computer's memory.
        ModelError: It is not what the recipe says, or gives what cannot be used.
    """
    engine = load_tried(model, plan, kit, device, cache)
    try:
        return TensorRtDeviceEngine(engine, roles(model, engine))
    except EngineError:
        engine.close()
        raise


def _usable(role: str, tensor: DeviceTensor) -> DeviceTensor:
    if tensor.dtype not in _KERNELS_KNOW:
        raise EngineError(
            f"The network's {role} is of {tensor.dtype}, which the kernels on the graphics card do not know.",
            "Use it through the computer's memory, or a file whose inputs and outputs are floats.",
        )
    return tensor
