"""The virtual cameras of a Windows machine, by the class identifiers under which their filters are registered."""

import contextlib
import sys
from collections.abc import Callable

from livecam.output.outputs import OutputInfo

OBS_DEVICE = "OBS Virtual Camera"
OBS_CLSID = "{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"
UNITY_CLSID = "{{5C2CD55C-92AD-4999-8666-912BD3E700{:02X}}}"
_UNITY_CAMERAS = 10

if sys.platform == "win32":
    import winreg


def registered(clsid: str) -> str | None:
    """The name under which a class is registered; None when it is not."""
    name = None
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            name = winreg.QueryValue(winreg.HKEY_CLASSES_ROOT, f"CLSID\\{clsid}").strip()
    return name


def windows_outputs(name_of: Callable[[str], str | None] = registered) -> tuple[OutputInfo, ...]:
    """OBS's virtual camera and Unity Capture's, where they are registered."""
    found = []
    if name_of(OBS_CLSID) is not None:
        found.append(OutputInfo(OBS_DEVICE, OBS_DEVICE, "OBS", "obs", ready=True))
    for number in range(_UNITY_CAMERAS):
        # Unity Capture leaves out the number after its first camera.
        name = name_of(UNITY_CLSID.format(0x10 + number + bool(number)))
        if name:
            found.append(OutputInfo(name, name, "Unity Capture", "unitycapture", ready=True))
    return tuple(found)
