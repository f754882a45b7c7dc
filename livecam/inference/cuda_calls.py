"""Calls of ``cuda-bindings``, which needs no CUDA toolkit: every status is looked at."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Final, Protocol, SupportsInt

from livecam.errors import DeviceError, ExtraMissing

_NOBODY_THERE: Final = (35, 100)
"""cudaErrorInsufficientDriver, which no driver gives too, and cudaErrorNoDevice."""


class Status(Protocol):
    """``cudaError_t`` or ``CUresult``."""

    @property
    def name(self) -> str:
        """Such as ``cudaErrorMemoryAllocation``."""
        ...

    def __int__(self) -> int:
        """0 for success."""
        ...


def bindings(part: str) -> ModuleType:
    """``cuda.bindings.<part>``.

    Raises:
        ExtraMissing: The package is not installed, or does not load here.
    """
    try:
        return import_module(f"cuda.bindings.{part}")
    except (ImportError, OSError, RuntimeError) as error:
        raise ExtraMissing(
            f"CUDA's Python bindings do not load here: {error}.", "Install them: pip install 'livecam[rtx]'"
        ) from error


def call(function: Callable[..., tuple[object, ...]], *arguments: object) -> list[SupportsInt]:
    """What `function` gives besides its status.

    Raises:
        DeviceError: The status says that it failed, or there is no driver or no card.
    """
    try:
        status, *values = function(*arguments)
    except (RuntimeError, OSError) as error:
        reason = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise DeviceError(
            f"There is no NVIDIA driver here ({function.__name__}: {reason}).", "See: livecam doctor"
        ) from error
    _check(function.__name__, status)  # type: ignore[arg-type]
    return values  # type: ignore[return-value]


def number(function: Callable[..., tuple[object, ...]], *arguments: object) -> int:
    """The first value of `call`: an address, a handle or a count.

    Raises:
        DeviceError: As `call`.
    """
    return int(call(function, *arguments)[0])


def _check(name: str, status: Status) -> None:
    code = int(status)
    if code in _NOBODY_THERE and name.startswith("cuda"):
        raise DeviceError(
            f"There is no NVIDIA graphics card with a driver here ({status.name}).", "See: livecam doctor"
        )
    if code != 0:
        raise DeviceError(f"The graphics card refused {name}: {status.name} ({code}).", "See: livecam doctor")
