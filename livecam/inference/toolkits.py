"""Which TensorRT is installed here: full TensorRT 10.16 or 11, or TensorRT for RTX 1.7, whose Python is the same.

Nothing is imported before it is asked for: their libraries are hundreds of megabytes.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Final

from livecam.errors import ExtraMissing
from livecam.inference.plan_key import Flavour

_MODULES: Final = {
    # The meta package `tensorrt_rtx` only renames the bindings, and is not needed.
    Flavour.RTX: ("tensorrt_rtx_bindings", "tensorrt_rtx"),
    Flavour.TENSORRT: ("tensorrt", "tensorrt_bindings"),
}

NAMES: Final = {Flavour.RTX: "TensorRT for RTX", Flavour.TENSORRT: "TensorRT"}
_EXTRAS: Final = {Flavour.RTX: "rtx", Flavour.TENSORRT: "tensorrt"}
_LEAST: Final = {Flavour.RTX: (1, 7), Flavour.TENSORRT: (10, 16)}


@dataclass(frozen=True, slots=True)
class Toolkit:
    """An installed TensorRT.

    Attributes:
        flavour: Which.
        version: Exact, such as ``1.7.1.116``.
        module: Its Python bindings.
    """

    flavour: Flavour
    version: str
    module: ModuleType


def toolkit(flavour: Flavour) -> Toolkit:
    """The installed TensorRT of that flavour.

    Raises:
        ExtraMissing: It is not installed, is too old, or does not load here.
    """
    reasons = []
    for name in _MODULES[flavour]:
        try:
            module = import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            reasons.append(str(error).strip().split("\n", 1)[0].rstrip("."))
            continue
        version = str(module.__version__)
        if _numbers(version) < _LEAST[flavour]:
            least = ".".join(map(str, _LEAST[flavour]))
            raise ExtraMissing(f"{NAMES[flavour]} {version} is too old; {least} or later is needed.", _install(flavour))
        return Toolkit(flavour, version, module)
    raise ExtraMissing(f"{NAMES[flavour]} does not load here: {reasons[0]}.", _install(flavour))


def toolkits() -> dict[Flavour, Toolkit | ExtraMissing]:
    """Every flavour: the installed one, or why there is none. The one for most users' cards comes first."""
    found: dict[Flavour, Toolkit | ExtraMissing] = {}
    for flavour in (Flavour.RTX, Flavour.TENSORRT):
        try:
            found[flavour] = toolkit(flavour)
        except ExtraMissing as error:
            found[flavour] = error
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _install(flavour: Flavour) -> str:
    python = " It needs Python 3.12 or later." if flavour is Flavour.RTX else ""
    return f"Install it: pip install 'livecam[{_EXTRAS[flavour]}]'.{python}"
