"""Where a model's weights lie while it works: all on the card, one network, or one layer at a time; and what was free.

Offloading is diffusers' and accelerate's own. What is added: a device that is not there, and memory that does not
suffice, are sentences with the next smaller setting.
"""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

import psutil
import torch
from accelerate import cpu_offload, cpu_offload_with_hook
from accelerate.hooks import remove_hook_from_module

from livecam.errors import StudioError, StudioMemory
from livecam.studio.terms import Device

__all__ = [
    "OFFLOADS",
    "Peak",
    "Pipeline",
    "beside",
    "deterministic",
    "dtype_of",
    "empty",
    "free_bytes",
    "generator",
    "place",
    "refusing_memory",
    "smaller",
    "unplace",
    "wait",
]

OFFLOADS: Final = ("none", "model", "sequential")
"""From the fastest to the one that needs the least memory on the card."""

_SIDES: Final = (1024, 768, 512)
_PHRASES: Final = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
"""What a `RuntimeError` says that means memory: CUDA, MPS, and the processor's allocator on three systems."""


class Pipeline(Protocol):
    """What is used of a diffusers pipeline in here."""

    def to(self, device: str) -> object:
        """Move every network."""
        ...

    def enable_model_cpu_offload(self, *, device: str) -> None:
        """One network at a time on `device`."""
        ...

    def enable_sequential_cpu_offload(self, *, device: str) -> None:
        """One layer at a time on `device`."""
        ...

    def remove_all_hooks(self) -> None:
        """Take accelerate's hooks off."""
        ...


def dtype_of(device: Device) -> torch.dtype:
    """What the networks calculate in: pass it to ``from_pretrained`` as ``torch_dtype``."""
    return torch.bfloat16 if device.half else torch.float32


def generator(seed: int) -> torch.Generator:
    """Noise of `seed`, drawn on the processor: the same on every device."""
    return torch.Generator("cpu").manual_seed(seed)


def free_bytes(name: str) -> int | None:
    """How much memory `name` (``cuda``, ``mps`` or ``cpu``) has free now, bytes; None where there is no such device."""
    if name == "cpu":
        return int(psutil.virtual_memory().available)
    if name == "cuda" and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    if name == "mps" and torch.backends.mps.is_available():
        return max(0, int(torch.mps.recommended_max_memory()) - int(torch.mps.driver_allocated_memory()))
    return None


def place(pipeline: Pipeline, device: Device) -> None:
    """Put a pipeline's networks where `device` says. Their dtype is what they were loaded with, see `dtype_of`.

    On ``cpu`` they stay where they are: there is nothing to offload from.

    Raises:
        StudioError: There is no such device, or no such offload.
        StudioMemory: It does not fit.
    """
    _check(device)
    with refusing_memory(device):
        if device.offload == "none" or device.name == "cpu":
            pipeline.to(device.name)
        elif device.offload == "model":
            pipeline.enable_model_cpu_offload(device=device.name)
        else:
            pipeline.enable_sequential_cpu_offload(device=device.name)


def unplace(pipeline: Pipeline) -> None:
    """Take what `place` put on a pipeline's networks off again; their weights lie in ordinary memory then."""
    pipeline.remove_all_hooks()
    pipeline.to("cpu")


def beside(module: torch.nn.Module, device: Device) -> Callable[[], None]:
    """Put a network that is not part of a pipeline, such as an adapter, where `device` says.

    Returns:
        Brings it back to ordinary memory without any hook; idempotent. With offload ``model`` the network stays on the
        card from its first use, for it works inside another one's pass.

    Raises:
        StudioError, StudioMemory: As `place`.
    """
    _check(device)
    with refusing_memory(device):
        if device.offload == "none" or device.name == "cpu":
            module.to(device.name)
        elif device.offload == "model":
            cpu_offload_with_hook(module, torch.device(device.name))
        else:
            cpu_offload(module, torch.device(device.name), offload_buffers=True)

    def back() -> None:
        remove_hook_from_module(module, recurse=True)
        module.to("cpu")

    return back


def _check(device: Device) -> None:
    if device.offload not in OFFLOADS:
        raise StudioError(f"There is no offload {device.offload!r}.", f"There are {', '.join(OFFLOADS)}.")
    if free_bytes(device.name) is None:
        raise StudioError(f"torch sees no device {device.name!r} on this machine.", "Try --device cpu, which is slow.")


def smaller(device: Device, side: int | None = None) -> str:
    """What to try when the memory did not suffice, as a sentence: the next smaller setting.

    Args:
        device: That it did not suffice with.
        side: Of the picture, px; None while loading, when it does not matter.
    """
    if device.name != "cpu" and device.offload != "sequential":
        return f"Try again with --offload {OFFLOADS[OFFLOADS.index(device.offload) + 1]}."
    below = next((candidate for candidate in _SIDES if side is not None and candidate < side), None)
    if below is not None:
        return f"Try again with --side {below}."
    return "There is no smaller setting: close other programs, or use a smaller base model."


@contextmanager
def refusing_memory(device: Device, side: int | None = None) -> Iterator[None]:
    """Turn whatever means that memory did not suffice into one sentence.

    Args:
        device: Where the work is done.
        side: Of the picture, px; None while loading.

    Raises:
        StudioMemory: It did not suffice; what was taken is given back.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _means_memory(error):
            raise
        doing = "load the models" if side is None else f"make a picture of {side} x {side} px"
    else:
        return
    # Outside the clause, where the error and with it the frames that hold tensors are gone.
    empty()
    where = "this computer" if device.name == "cpu" else f"the graphics card ({device.name})"
    raise StudioMemory(f"The memory of {where} does not suffice to {doing}.", smaller(device, side))


def _means_memory(error: MemoryError | RuntimeError) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return any(phrase in words for phrase in _PHRASES)


def empty() -> None:
    """Give memory that torch keeps for later back to the card."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def wait(name: str) -> None:
    """Until the device `name` has done all that it was told to: before a clock is read."""
    if name == "cuda":
        torch.cuda.synchronize()
    elif name == "mps":
        torch.mps.synchronize()


@contextmanager
def _settings() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    # cuBLAS reads it when it starts; without it, its sums differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark


def deterministic(*models: torch.nn.Module) -> AbstractContextManager[None]:
    """While in it, the same seed gives the same picture on the same machine.

    Args:
        models: Put into evaluation mode: made from a configuration they are in training mode, where dropout is drawn
            anew each time.
    """
    for model in models:
        model.eval()
    return _settings()


class Peak:
    """The most memory in use on a device since it was made.

    On ``cuda`` it is torch's own count of what it took from the card. Elsewhere nobody counts, so `note` must be called
    when much is in use, such as after each step: on ``mps`` the driver's allocation, on ``cpu`` this process's memory.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._most = 0
        if name == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.note()

    def note(self) -> None:
        """Look how much is in use now."""
        self._most = max(self._most, self._now())

    @property
    def bytes(self) -> int:
        """The most so far."""
        self.note()
        return self._most

    def _now(self) -> int:
        if self._name == "cuda":
            return int(torch.cuda.max_memory_reserved())
        if self._name == "mps":
            return int(torch.mps.driver_allocated_memory())
        return int(psutil.Process().memory_info().rss)
