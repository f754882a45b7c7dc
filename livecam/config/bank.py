"""Settings of the face bank."""

from dataclasses import dataclass, field

from livecam.config.compound import Pairs
from livecam.config.kinds import Number
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class BankConfig:
    """How personas are switched."""

    fade_ms: float = field(
        default=0.0,
        metadata=about(
            Number(0, 1000, "ms"), "--fade", "Cross-fade from one persona to the next; 0 switches between two frames."
        ),
    )
    favourites: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=about(
            Pairs("DIGIT", "PERSONA"),
            "--favourite",
            'Personas on the keys <ctrl>+<alt>+1 to 9, as { "1" = "ann" }; beside those chosen in the panel.',
        ),
    )
