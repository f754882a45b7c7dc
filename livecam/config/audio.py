"""Settings of sound that keeps step with the picture."""

from dataclasses import dataclass, field

from livecam.config.kinds import Number, Switch, Text
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """A microphone delayed by as much as the picture, on PipeWire or PulseAudio."""

    delay: bool = field(
        default=False,
        metadata=about(
            Switch(), "--audio-delay", "Make a virtual microphone that is as late as the picture, while livecam runs."
        ),
    )
    microphone: str = field(
        default="",
        metadata=about(Text(200), "--microphone", "Name of the real one; empty for the desktop's default."),
    )
    extra_ms: float = field(
        default=0.0,
        metadata=about(
            Number(-500, 2000, "ms"), "--audio-extra", "Added to the measured delay, where lips still run apart."
        ),
    )
