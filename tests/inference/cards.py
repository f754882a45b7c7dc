"""A graphics card and a TensorRT that are not there: memory by address, and a plan that doubles its first input."""

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import count
from types import ModuleType

import numpy as np

from livecam.core.seams import Tensor
from livecam.errors import EngineError
from livecam.inference.cuda_memory import Bytes
from livecam.inference.plan_key import Flavour
from livecam.inference.toolkits import Toolkit


class Mode(Enum):
    INPUT = 1
    OUTPUT = 2


class Dtype(Enum):
    FLOAT = 1
    HALF = 2
    BF16 = 3


class Valid(Enum):
    VALID = 0
    INVALID = 1


class PretendCuda:
    """Copies happen at once; what is not freed is seen in `held`."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.memory: dict[int, Bytes] = {}
        self.held: set[str] = set()
        self.copied: list[tuple[str, int]] = []
        self.limit = limit
        self._next = count(1000)

    def card(self) -> str:
        return "sm_86 pretend driver 1"

    def stream(self) -> int:
        self.held.add("stream")
        return 7

    def end_stream(self, stream: int) -> None:
        assert stream == 7
        self.held.remove("stream")

    def wait(self, stream: int) -> None:
        assert stream == 7

    def allocate(self, size: int) -> int:
        if size > self.limit:
            raise EngineError("The graphics card refused cudaMalloc: out of memory.")
        address = next(self._next)
        self.memory[address] = np.full(size, 0xAA, np.uint8)
        self.held.add(f"card {address}")
        return address

    def free(self, address: int) -> None:
        del self.memory[address]
        self.held.remove(f"card {address}")

    def pinned(self, size: int) -> Bytes:
        memory = np.full(size, 0xBB, np.uint8)
        self.held.add(f"pinned {memory.ctypes.data}")
        return memory

    def free_pinned(self, memory: Bytes) -> None:
        self.held.remove(f"pinned {memory.ctypes.data}")

    def upload(self, address: int, source: Tensor, stream: int) -> None:
        assert stream == 7
        raw = source.reshape(-1).view(np.uint8)
        self.memory[address][: raw.size] = raw
        self.copied.append(("up", raw.size))

    def download(self, target: Tensor, address: int, stream: int) -> None:
        raw = target.reshape(-1).view(np.uint8)
        raw[:] = self.memory[address][: raw.size]
        self.copied.append(("down", raw.size))


class PretendNetwork:
    """An engine and its own context: ``image`` is ``target`` times ``weight``.

    Args:
        cuda: Its memory.
        rows: Most rows of the picture.
        kind: Of the picture on the card.
    """

    num_io_tensors = 3

    def __init__(self, cuda: PretendCuda, rows: int = 1, kind: Dtype = Dtype.FLOAT) -> None:
        self._cuda, self._rows, self._kind = cuda, rows, kind
        self._now = (rows, 3, 4, 4)
        self._places: dict[str, int] = {}
        self.works = True
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

    def execute_async_v3(self, _stream: int) -> bool:
        self.runs += 1
        kind = np.float32 if self._kind is Dtype.FLOAT else np.float16
        size = int(np.prod(self._now)) * np.dtype(kind).itemsize
        source, weight, target = (self._cuda.memory[self._places[name]] for name in ("target", "weight", "image"))
        scaled = source[:size].view(kind) * weight.view(np.float32)[0].astype(kind)
        target[:size] = scaled.view(np.uint8)
        return self.works


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
    }
    vars(module).update(parts)
    return Toolkit(flavour, "1.7.1", module)
