"""What ``virtualcam`` means: livecam's own writer on Linux, pyvirtualcam elsewhere and wherever a backend is named.

Why is in docs/adr/0007-virtual-camera-writer.md. The vendor's package is imported only when it is what is meant.
"""

import platform

from livecam.core.seams import Sink
from livecam.core.spec import SinkWish, Spec


def make(spec: Spec, wish: SinkWish) -> Sink:
    """Build ``virtualcam``, ``virtualcam:DEVICE`` or ``virtualcam:DEVICE?backend=NAME``.

    DEVICE is a path, a number, or what applications call it. A backend is pyvirtualcam's name for the way to it, such
    as ``obs``, ``unitycapture`` or, on Linux, ``v4l2loopback``; without one, Linux takes ``matrix`` as ``v4l2`` does.

    Raises:
        ConfigError: A parameter is unknown.
        ExtraMissing: It needs pyvirtualcam, which is not installed.
    """
    if needs_pyvirtualcam(spec):
        spec.known("backend")
        from livecam.output.pyvcam import PyVirtualCamSink  # a vendor's package

        return PyVirtualCamSink(spec.target, spec.params.get("backend", ""))
    from livecam.output import v4l2  # Linux only

    return v4l2.make(spec, wish)


def needs_pyvirtualcam(spec: Spec) -> bool:
    """Whether `spec`, a virtual camera, goes through pyvirtualcam on this system."""
    return "backend" in spec.params or platform.system() != "Linux"
