"""What is used of TensorRT's Python, as types: its bindings have none, and may not be here at all.

Everything here is in TensorRT 10.16, in TensorRT 11 and in TensorRT for RTX 1.7, unless it says otherwise.
"""

from collections.abc import Sequence
from typing import Protocol


class Blob(Protocol):
    """Memory that TensorRT owns (``IHostMemory``)."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """As Python's own buffers."""
        ...


class Failure(Protocol):
    """What the parser did not like (``ParserError``)."""

    def desc(self) -> str:
        """In words."""
        ...

    def node_name(self) -> str:
        """Of the node."""
        ...

    def node_operator(self) -> str:
        """Of the node."""
        ...


class Parser(Protocol):
    """``OnnxParser``."""

    num_errors: int

    def parse(self, model: bytes) -> bool:
        """Fill the network; false if it cannot be."""
        ...

    def get_error(self, index: int) -> Failure:
        """What was wrong."""
        ...


class TimingCache(Protocol):
    """``ITimingCache``."""

    def serialize(self) -> Blob:
        """To be kept."""
        ...


class Profile(Protocol):
    """``IOptimizationProfile``."""

    def set_shape(self, name: str, least: Sequence[int], usual: Sequence[int], most: Sequence[int], /) -> None:
        """The sizes of an input."""
        ...


class Monitor(Protocol):
    """An ``IProgressMonitor`` of ours."""

    cancelled: bool


class Logger(Protocol):
    """An ``ILogger`` of ours."""

    def told(self) -> str:
        """The last error."""
        ...


class Config(Protocol):
    """``IBuilderConfig``."""

    builder_optimization_level: int
    progress_monitor: Monitor
    num_compute_capabilities: int
    """TensorRT for RTX only."""

    def set_flag(self, flag: object, /) -> None:
        """A ``BuilderFlag``."""
        ...

    def set_memory_pool_limit(self, pool: object, size: int, /) -> None:
        """Bytes."""
        ...

    def add_optimization_profile(self, profile: Profile, /) -> int:
        """Sizes that inputs may have."""
        ...

    def set_compute_capability(self, capability: object, index: int, /) -> bool:
        """TensorRT for RTX only: build for this architecture."""
        ...

    def create_timing_cache(self, held: bytes, /) -> TimingCache:
        """From what was kept."""
        ...

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        """Use it."""
        ...


class Builder(Protocol):
    """``Builder``."""

    def create_network(self, flags: int, /) -> object:
        """An empty one."""
        ...

    def create_builder_config(self) -> Config:
        """With TensorRT's own choices."""
        ...

    def create_optimization_profile(self) -> Profile:
        """An empty one."""
        ...

    def build_serialized_network(self, network: object, config: Config, /) -> Blob | None:
        """The plan; None if it failed or was cancelled."""
        ...


class RuntimeCache(Protocol):
    """``IRuntimeCache``: TensorRT for RTX only."""

    def serialize(self) -> Blob:
        """To be kept."""
        ...

    def deserialize(self, blob: bytes, /) -> bool:
        """Take what was kept; false if it is for another machine."""
        ...


class RuntimeConfig(Protocol):
    """``IRuntimeConfig``: how a plan is to be run."""

    def set_execution_context_allocation_strategy(self, strategy: object, /) -> None:
        """Whose memory a context works in."""
        ...

    def create_runtime_cache(self) -> RuntimeCache:
        """An empty one; TensorRT for RTX only."""
        ...

    def set_runtime_cache(self, cache: RuntimeCache, /) -> bool:
        """Use it; TensorRT for RTX only."""
        ...


class Context(Protocol):
    """``IExecutionContext``."""

    def set_input_shape(self, name: str, shape: Sequence[int], /) -> bool:
        """For the next run."""
        ...

    def set_tensor_address(self, name: str, address: int, /) -> bool:
        """Where it is on the graphics card."""
        ...

    def get_tensor_shape(self, name: str, /) -> Sequence[int]:
        """With the present shapes of the inputs."""
        ...

    def set_device_memory(self, memory: int, size: int, /) -> None:
        """Where it works, of a context whose memory is the caller's."""
        ...

    def is_stream_capturable(self, stream: int, /) -> bool:
        """TensorRT for RTX only: whether a run may be noted into a graph."""
        ...

    def execute_async_v3(self, stream: int, /) -> bool:
        """Begin to run."""
        ...


class CudaEngine(Protocol):
    """``ICudaEngine``."""

    num_io_tensors: int
    device_memory_size_v2: int
    """Bytes that a context works in, at its largest shapes."""

    def get_tensor_name(self, index: int, /) -> str:
        """In the graph."""
        ...

    def get_tensor_mode(self, name: str, /) -> object:
        """``TensorIOMode.INPUT`` or ``OUTPUT``."""
        ...

    def get_tensor_dtype(self, name: str, /) -> object:
        """A ``DataType``."""
        ...

    def get_tensor_shape(self, name: str, /) -> Sequence[int]:
        """-1 is free."""
        ...

    def get_tensor_profile_shape(self, name: str, profile: int, /) -> Sequence[Sequence[int]]:
        """Least, usual, most."""
        ...

    def create_runtime_config(self) -> RuntimeConfig:
        """With TensorRT's own choices."""
        ...

    def create_execution_context(self, config: RuntimeConfig | None = None, /) -> Context | None:
        """None where the memory does not suffice."""
        ...


class Runtime(Protocol):
    """``Runtime``."""

    def get_engine_validity(self, plan: bytes, /) -> tuple[object, object]:
        """TensorRT for RTX only: whether it runs here, and why not."""
        ...

    def deserialize_cuda_engine(self, plan: bytes, /) -> CudaEngine | None:
        """None where it does not fit."""
        ...
