"""Virtual cameras on Windows and macOS: what goes wrong there, said before it does.

We cannot run either; what is said here is read from OBS's and pyvirtualcam's sources and documentation.
"""

from collections.abc import Iterable
from typing import Final

from livecam.config import Resolved
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.output.outputs import OutputInfo

_SYSTEMS: Final = {"Windows": "windows", "Darwin": "macos"}
_UNITY: Final = "unitycapture"
_WRITER: Final = "pyvirtualcam"


def check_other_systems(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """The traps of the virtual cameras of Windows and macOS; nothing on Linux."""
    name = _SYSTEMS.get(machine.system)
    if name is None:
        return
    if not machine.package(_WRITER):
        told = f"{_WRITER} is not installed, so no virtual camera can be written to."
        yield Finding(name, Status.INFO, told, 'pip install "livecam[vcam]"')
    outputs = machine.outputs()
    if any(output.backend == "obs" for output in outputs):
        told = "There is one OBS virtual camera, which one program can feed at a time."
        yield Finding(name, Status.INFO, told, "Stop the virtual camera in OBS, and any second livecam, first.")
    yield _extension(name) if machine.system == "Darwin" else _unity(name, outputs)


def _extension(name: str) -> Finding:
    told = "On macOS 13 and later only the camera extension of OBS 30 or newer is seen by all programs."
    step = (
        "Start OBS's virtual camera once, allow its extension in System Settings, restart the Mac if asked, stop the "
        "camera and close OBS."
    )
    return Finding(name, Status.INFO, told, step)


def _unity(name: str, outputs: Iterable[OutputInfo]) -> Finding:
    found = next((output for output in outputs if output.backend == _UNITY), None)
    if found is None:
        told = "Unity Capture is not installed. It can run beside OBS's camera, and is the only one that takes RGBA."
        return Finding(name, Status.INFO, told, "Install Unity Capture if you want to keep OBS's camera for OBS.")
    told = f"Unity Capture is there as {found.label}; it can run beside OBS's camera. livecam sends it no transparency."
    return Finding(name, Status.INFO, told, f'livecam run --sink "virtualcam:{found.device}"')
