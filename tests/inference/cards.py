"""A TensorRT that is not there, for a card that is not there: its one plan multiplies its first input."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import ModuleType

import numpy as np

from livecam.inference.plan_key import Flavour
from livecam.inference.toolkits import Toolkit
from tests.canvas.host_device import HostDevice

WORK_BYTES = 4096


class Mode(Enum):
    INPUT = 1
    OUTPUT = 2


class Dtype(Enum):
    FLOAT = 1
    HALF = 2
    BF16 = 3
    INT64 = 4


class Strategy(Enum):
    USER_MANAGED = 2


class Valid(Enum):
    VALID = 0
    INVALID = 1


class PretendNetwork:
    """An engine and its own context: ``image`` is ``target`` times ``weight``.

    Args:
        device: Its memory.
        rows: Most rows of the picture.
        kind: Of the picture on the card.
    """

    num_io_tensors = 3
    device_memory_size_v2 = WORK_BYTES

    def __init__(self, device: HostDevice, rows: int = 1, kind: Dtype = Dtype.FLOAT) -> None:
        self._device, self._rows, self._kind = device, rows, kind
        self._now = (rows, 3, 4, 4)
        self._places: dict[str, int] = {}
        self._room = 0
        self.works = self.is_capturable = True
        self.runs = 0

    def get_tensor_name(self, index: int) -> str:
        return ("target", "weight", "image")[index]

    def get_tensor_mode(self, name: str) -> Mode:
        return Mode.OUTPUT if name == "image" else Mode.INPUT

    def get_tensor_dtype(self, name: str) -> Dtype:
        return Dtype.FLOAT if name == "weight" else self._kind

    def get_tensor_shape(self, name: str) -> Sequence[int]:
        return (1,) if name == "weight" else (-1, 3, 4, 4) if self._rows > 1 and name == "target" else self._now

    def get_tensor_profile_shape(self, name: str, _profile: int) -> Sequence[Sequence[int]]:
        assert name == "target"
        return ((1, 3, 4, 4), (self._rows, 3, 4, 4), (self._rows, 3, 4, 4))

    def set_input_shape(self, _name: str, shape: tuple[int, int, int, int]) -> bool:
        self._now = shape
        return self._rows > 1

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._places[name] = address
        return True

    def create_runtime_config(self) -> "PretendNetwork":
        return self

    def create_runtime_cache(self) -> "PretendRuntimeCache":
        return PretendRuntimeCache()

    def set_runtime_cache(self, cache: "PretendRuntimeCache") -> bool:
        self.cache = cache
        return True

    def create_execution_context(self, _config: object) -> "PretendNetwork | None":
        return self

    def set_execution_context_allocation_strategy(self, strategy: Strategy) -> None:
        assert strategy is Strategy.USER_MANAGED

    def set_device_memory(self, memory: int, size: int) -> None:
        assert self._device.bytes_at(memory, size).size == WORK_BYTES
        self._room = memory

    def is_stream_capturable(self, _stream: int) -> bool:
        return self.is_capturable

    def execute_async_v3(self, stream: int) -> bool:
        assert self._room, "it has nowhere to work"
        self.runs += 1
        shape, kind = self._now, np.float16 if self._kind is Dtype.HALF else np.float32
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        self._device.call(stream, lambda: self._work(size, kind))
        return self.works

    def _work(self, size: int, kind: type[np.float16 | np.float32]) -> None:
        source, target = (self._device.bytes_at(self._places[name], size).view(kind) for name in ("target", "image"))
        weight = self._device.bytes_at(self._places["weight"], 4).view(np.float32)[0]
        target[:] = source * weight.astype(kind)


class PretendRuntimeCache:
    def __init__(self) -> None:
        self.given = b""

    def deserialize(self, blob: bytes) -> bool:
        self.given = blob
        return blob != b"strange"

    def serialize(self) -> bytes:
        return b"compiled"


def pretend_kit(network: PretendNetwork, valid: Valid = Valid.VALID, flavour: Flavour = Flavour.RTX) -> Toolkit:
    """A TensorRT whose every plan is `network`; only the payload ``plan`` can be loaded."""

    class Runtime:
        def __init__(self, _logger: object) -> None:
            pass

        def get_engine_validity(self, _plan: bytes) -> tuple[Valid, str]:
            return valid, "UNSUPPORTED_CC"

        def deserialize_cuda_engine(self, plan: bytes) -> PretendNetwork | None:
            return network if plan == b"plan" else None

    class Logger:
        INTERNAL_ERROR, ERROR = 0, 1

    module = ModuleType("pretend")
    parts: Mapping[str, object] = {
        "Runtime": Runtime,
        "ILogger": Logger,
        "TensorIOMode": Mode,
        "EngineValidity": Valid,
        "ExecutionContextAllocationStrategy": Strategy,
    }
    vars(module).update(parts)
    return Toolkit(flavour, "1.7.1", module)
