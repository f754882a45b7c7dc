"""Settings of the way in and the way out: where frames come from, and where pictures go."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livecam.config.compound import Otherwise, PathKind, SizeKind, SpecKind, SpecList
from livecam.config.kinds import Number, Switch
from livecam.config.setting import about
from livecam.core.frame import Size
from livecam.core.spec import Spec, parse_spec

AUTO: Final = parse_spec("auto")
"""A source or sink that the app chooses."""


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Where frames come from. ``spec`` of kind ``auto`` is resolved by the app."""

    spec: Spec = field(
        default=AUTO,
        metadata=about(
            SpecKind(),
            "--source",
            "camera:INDEX|NAME|PATH, file:PATH (?loop=0&pace=0), stream:URL, synthetic, or auto: "
            "a real camera if there is one, else synthetic.",
        ),
    )
    size: Size = field(
        default=Size(1280, 720),
        metadata=about(SizeKind(), "--size", "Size asked of the source; what it really gives is read back."),
    )
    fps: float = field(
        default=30.0,
        metadata=about(
            Number(1, 240, "frames/s"), "--fps", "Rate asked of the source; what it really gives is read back."
        ),
    )
    timeout_s: float = field(
        default=1.0,
        metadata=about(
            Number(0.1, 60, "s"), "--source-timeout", "Longest wait for a frame before the source counts as lost."
        ),
    )


@dataclass(frozen=True, slots=True)
class OutputConfig:
    """Where pictures go. ``sinks`` of kind ``auto`` are resolved by the app; `None` stands for the source's value."""

    sinks: tuple[Spec, ...] = field(
        default=(AUTO,),
        metadata=about(
            SpecList(),
            "--sink",
            "virtualcam[:DEVICE], v4l2:DEVICE, pipewire[:LABEL], record:PATH.mp4, web[:PORT], "
            "stream:udp://HOST:PORT, memory, null, or auto: the virtual camera if there is one, else a PipeWire "
            "camera, else web and a short recording. The flag may be given several times.",
        ),
    )
    size: Size | None = field(
        default=None,
        metadata=about(
            Otherwise(SizeKind(), "source"),
            "--output-size",
            "Size of every picture sent, for the whole run; the frame is fitted into it. source: the size asked of it.",
        ),
    )
    fps: float | None = field(
        default=None,
        metadata=about(
            Otherwise(Number(1, 240, "pictures/s"), "source"),
            "--output-fps",
            "Rate at which pictures are sent. source: the rate asked of it.",
        ),
    )
    recordings: Path | None = field(
        default=None,
        metadata=about(Otherwise(PathKind(), "auto"), "--recordings", "Folder of the short recording that auto makes."),
    )
    process: bool = field(
        default=False,
        metadata=about(
            Switch(),
            "--output-process",
            "Send from a process of its own, which shows the slate when this one dies, until a new run takes over.",
        ),
    )
    orphan_s: float = field(
        default=600.0,
        metadata=about(
            Number(0, 86_400, "s"), "--orphan-time", "How long that process goes on alone before it ends by itself."
        ),
    )
