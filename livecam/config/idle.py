"""Settings of a daemon that rests while nobody looks."""

from dataclasses import dataclass, field
from enum import StrEnum

from livecam.config.kinds import Choice, Number
from livecam.config.setting import about


class WhenIdle(StrEnum):
    """What happens while no application reads the virtual camera."""

    KEEP = "keep"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class IdleConfig:
    """What happens while nobody looks."""

    when: WhenIdle = field(
        default=WhenIdle.KEEP,
        metadata=about(
            Choice(WhenIdle),
            "--idle",
            "keep: go on while no application reads the virtual camera. release: free the camera and the networks, "
            "and send a cheap slate, until one does.",
        ),
    )
    after_s: float = field(
        default=10.0,
        metadata=about(Number(0.5, 86_400, "s"), "--idle-after", "How long nobody has to have read before it rests."),
    )
    card_s: float = field(
        default=2.0,
        metadata=about(
            Number(0, 10, "s"),
            "--card",
            "How long the first reader is shown that the picture is modified by AI; not where the label is off.",
        ),
    )
