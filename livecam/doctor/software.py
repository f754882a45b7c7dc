"""Python, packages, and the clock."""

from collections.abc import Iterable
from typing import Final

from livecam.config import Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine

_OLDEST, _NEWEST = (3, 11), (3, 13)

_NEEDED: Final = (
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "onnx",
    "av",
    "click",
    "rich",
    "platformdirs",
    "psutil",
    "starlette",
    "uvicorn",
)
_STAND_INS: Final = {
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
}
_EXTRAS: Final = {"pyvirtualcam": "vcam"}
_COARSEST_CLOCK_S: Final = 0.001


def check_python(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """The interpreter's version."""
    version = ".".join(map(str, machine.python))
    if not _OLDEST <= machine.python[:2] <= _NEWEST:
        yield Finding(
            "python", Status.FAIL, f"Python {version} is not supported.", "Install Python 3.11, 3.12 or 3.13."
        )
    else:
        yield Finding("python", Status.OK, f"Python {version}.")


def check_packages(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Packages livecam cannot do without, and the extras."""
    found = {name: _version(machine, name) for name in _NEEDED}
    missing = [name for name, version in found.items() if not version]
    if missing:
        yield Finding("packages", Status.FAIL, f"Missing: {', '.join(missing)}.", f"pip install {' '.join(missing)}")
    else:
        yield Finding("packages", Status.OK, ", ".join(f"{name} {version}" for name, version in found.items()) + ".")
    for name, extra in _EXTRAS.items():
        version = machine.package(name)
        if version:
            yield Finding("extras", Status.OK, f"{name} {version}.")
        else:
            yield Finding("extras", Status.INFO, f"{name} is not installed.", f'pip install "livecam[{extra}]"')


def _version(machine: Machine, name: str) -> str:
    for candidate in (name, *_STAND_INS.get(name, ())):
        if version := machine.package(candidate):
            return version
    return ""


def check_opencv(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether OpenCV loads, and which cameras it can drive."""
    try:
        yield Finding("opencv", Status.OK, f"OpenCV {machine.opencv()}.")
    except ImportError as error:
        yield Finding(
            "opencv",
            Status.FAIL,
            f"OpenCV does not load: {error}.",
            "pip install --force-reinstall opencv-python-headless",
        )


def check_clock(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """Whether the monotonic clock is fine enough to pace pictures."""
    tick = machine.clock()
    told = f"{tick.source}, resolution {tick.resolution_s * 1e9:.0f} ns."
    if not tick.monotonic:
        yield Finding(
            "clock", Status.FAIL, f"The clock can go back: {told}", "Use an operating system that is supported."
        )
    elif tick.resolution_s > _COARSEST_CLOCK_S:
        yield Finding("clock", Status.WARN, f"The clock is coarse, so pictures will be unevenly paced: {told}")
    else:
        yield Finding("clock", Status.OK, told)
