"""Which reader reads what a sink sends."""

from typing import Final

from livecam.bench.readers.address import Address
from livecam.core.frame import Size
from livecam.core.spec import Spec
from livecam.errors import ConfigError, LivecamError

READABLE: Final = ("virtualcam", "v4l2", "pipewire", "web", "memory")
"""Kinds of sinks that can be measured; ``memory`` is the way through the daemon alone, and needs no reader."""


def readable(spec: Spec) -> Spec:
    """`spec`, when it can be measured.

    Raises:
        ConfigError: It cannot.
    """
    if spec.kind not in READABLE:
        raise ConfigError(f"{spec.text!r} cannot be measured: no reader reads it.", f"Take {', '.join(READABLE)}.")
    return spec


def address(sink: str, size: Size) -> Address:
    """Where the pictures of an open sink can be read.

    Args:
        sink: The sink's name, such as ``v4l2:/dev/video10 (livecam)``.
        size: Of the pictures.

    Raises:
        LivecamError: On this system there is no reader for it.
    """
    kind, _, where = sink.partition(":")
    match kind:
        case "web":
            # Behind a blank it may say that its port was taken.
            return Address("web", where.partition(" ")[0], *size)
        case "pipewire":
            return Address("pipewire", where.replace(" ", "-"), *size)
        case "virtualcam" | "v4l2" if where.startswith("/dev/"):
            return Address("v4l2", where.partition(" (")[0], *size)
        case _:
            told = f"There is no reader for {sink} on this system."
            raise LivecamError(told, "Measure another way: livecam bench latency --through web.")
