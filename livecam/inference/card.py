"""The NVIDIA graphics card of this computer, asked of its driver alone, so that it is known before any package is."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

_LIBRARY: Final = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of ``cuda.h``."""
_NAME_BYTES: Final = 256
_NO_DEVICE: Final = 100
_TELLING: Final = {
    34: "the driver library is a stub",
    46: "the card is used by another program alone",
    803: "the driver and its library are of different versions",
    804: "the card is too old for this driver's compatibility library",
}
"""Of ``CUresult``, those that a user can do something about."""


Call: TypeAlias = Callable[..., int]
"""A function of the driver's library."""


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card.

    Attributes:
        name: As its driver calls it.
        major: Of its compute capability.
        minor: Of its compute capability.
        cuda: The newest CUDA that its driver knows: 1000 * major + 10 * minor.
    """

    name: str
    major: int
    minor: int
    cuda: int

    @property
    def sm(self) -> int:
        """Its generation, such as 86 for sm_86."""
        return 10 * self.major + self.minor

    @property
    def cuda_told(self) -> str:
        """Such as ``13.0``."""
        return f"{self.cuda // 1000}.{self.cuda % 1000 // 10}"

    def __str__(self) -> str:
        """Such as ``NVIDIA H200 (sm_90)``."""
        return f"{self.name} (sm_{self.sm})"


@dataclass(frozen=True, slots=True)
class NoCard:
    """There is none that can be used.

    Attributes:
        reason: Why, as a sentence.
        next_step: What can be done; "" where nothing can.
    """

    reason: str
    next_step: str = ""


class Driver(Protocol):
    """What is called of the driver's library. Numbers come back through references; the result is a ``CUresult``."""

    @property
    def cuInit(self) -> Call:  # noqa: N802
        """Starts the driver: flags."""
        ...

    @property
    def cuDriverGetVersion(self) -> Call:  # noqa: N802
        """The newest CUDA it knows."""
        ...

    @property
    def cuDeviceGetCount(self) -> Call:  # noqa: N802
        """How many cards there are."""
        ...

    @property
    def cuDeviceGet(self) -> Call:  # noqa: N802
        """The handle of a card: its place."""
        ...

    @property
    def cuDeviceGetName(self) -> Call:  # noqa: N802
        """A card's name: buffer, its size, handle."""
        ...

    @property
    def cuDeviceGetAttribute(self) -> Call:  # noqa: N802
        """A property of a card: which, handle."""
        ...


class _Refused(Exception):
    """A call did not succeed.

    Args:
        code: Its ``CUresult``.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def find_card(load: Callable[[str], Driver] | None = None) -> Card | NoCard:
    """The first NVIDIA graphics card, or why there is none. Never raises.

    Args:
        load: Opens the driver's library; the system's loader unless given.
    """
    try:
        # CDLL has every symbol of the library as a callable.
        driver: Driver = load(_LIBRARY) if load is not None else ctypes.CDLL(_LIBRARY)
    except OSError:
        return NoCard("There is no NVIDIA driver on this computer.")
    try:
        return _first(driver)
    except _Refused as error:
        return _told(error.code)
    except AttributeError:
        return NoCard("The NVIDIA driver is too old to be asked.", "Install driver 580 or later.")


def _first(driver: Driver) -> Card | NoCard:
    """As `find_card`.

    Raises:
        _Refused: By the driver.
        AttributeError: Its library lacks a call.
    """
    _check(driver.cuInit(0))
    count = _number(driver.cuDeviceGetCount)
    if count < 1:
        return _told(_NO_DEVICE)
    device = _number(driver.cuDeviceGet, 0)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _check(driver.cuDeviceGetName(name, _NAME_BYTES, device))
    return Card(
        name.value.decode(errors="replace"),
        _number(driver.cuDeviceGetAttribute, _MAJOR, device),
        _number(driver.cuDeviceGetAttribute, _MINOR, device),
        _number(driver.cuDriverGetVersion),
    )


def _number(call: Call, *arguments: int) -> int:
    found = ctypes.c_int(0)
    _check(call(ctypes.byref(found), *arguments))
    return found.value


def _check(code: int) -> None:
    if code != 0:
        raise _Refused(code)


def _told(code: int) -> NoCard:
    if code == _NO_DEVICE:
        return NoCard("There is an NVIDIA driver, but no NVIDIA graphics card that it reaches.", "See: nvidia-smi")
    reason = _TELLING.get(code, f"CUDA error {code}")
    return NoCard(f"The NVIDIA driver does not start: {reason}.", "Restart the computer, or install the driver again.")
