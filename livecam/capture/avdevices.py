"""Cameras on Windows and macOS, as FFmpeg's device layer lists them.

OpenCV gives no names, so an index found here is used with OpenCV. Both list DirectShow devices in the system's own
order. On macOS OpenCV orders by identity and FFmpeg by kind, so that with several cameras an index may be off: there
`camera:INDEX` is exact and a name is not. Formats are not told on either system.
"""

from av.device import enumerate_input_devices
from av.error import FFmpegError

from livecam.capture.devices import CameraInfo

_LAYERS = {"win32": "dshow", "darwin": "avfoundation"}
_VIRTUAL = ("obs virtual camera", "obs-camera", "unity video capture", "livecam")


def list_av_cameras(platform: str) -> tuple[CameraInfo, ...]:
    """Every camera of a `platform` as in `sys.platform`; empty where FFmpeg has no device layer for it."""
    layer = _LAYERS.get(platform)
    if layer is None:
        return ()
    try:
        devices = enumerate_input_devices(layer)
    except (FFmpegError, ValueError):
        return ()
    names = [device.description for device in devices if "video" in device.media_types]
    return tuple(
        CameraInfo(index, name, driver=layer, virtual=name.casefold().startswith(_VIRTUAL))
        for index, name in enumerate(names)
    )
