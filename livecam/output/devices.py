"""The virtual cameras of this machine, found without opening any for output. Needs no vendor library."""

import platform
from pathlib import Path

from livecam.output.outputs import LABEL, MODPROBE, OutputInfo

OBS_DEVICE = "OBS Virtual Camera"
_MAC_OBS = (
    Path("/Applications/OBS.app/Contents/Library/SystemExtensions")
    / "com.obsproject.obs-studio.mac-camera-extension.systemextension",
    Path("/Library/CoreMediaIO/Plug-Ins/DAL/obs-mac-virtualcam.plugin"),
)


def list_outputs() -> tuple[OutputInfo, ...]:
    """The virtual cameras of this machine, in the system's order."""
    match platform.system():
        case "Linux":
            from livecam.output.loopback_outputs import loopback_outputs

            return loopback_outputs()
        case "Windows":
            from livecam.output.windows_outputs import windows_outputs

            return windows_outputs()
        case "Darwin":
            return mac_outputs()
        case _:
            return ()


def pipewire_output() -> OutputInfo | None:
    """The camera that a PipeWire session can have, with why it cannot; None where no session answers."""
    if platform.system() != "Linux":
        return None
    from livecam.output.pipewire_setup import distribution, probe

    setup = probe()
    if not setup.running:
        return None
    refusal = setup.refusal(distribution())
    what, step = (refusal.what, refusal.next_step) if refusal is not None else ("", "")
    return OutputInfo("pipewire", LABEL, "PipeWire", "pipewire", ready=setup.ready, problem=what, next_step=step)


def advice() -> str:
    """How to get a virtual camera on this system."""
    if platform.system() == "Linux":
        return f"Install v4l2loopback (Debian: v4l2loopback-dkms) and run {MODPROBE}."
    return "Install OBS Studio 30 or newer, start its virtual camera once, stop it and close OBS."


def mac_outputs(places: tuple[Path, ...] = _MAC_OBS) -> tuple[OutputInfo, ...]:
    """OBS's virtual camera, where it is installed."""
    if not any(place.exists() for place in places):
        return ()
    return (OutputInfo(OBS_DEVICE, OBS_DEVICE, "OBS", "obs", ready=True),)
