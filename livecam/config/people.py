"""Who wears what, where several people are enrolled."""

from dataclasses import dataclass, field

from livecam.config.compound import Pairs
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class PeopleConfig:
    """The personas of enrolled people."""

    worn: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=about(
            Pairs("PERSON", "PERSONA"),
            "--wears",
            "Which persona each enrolled person wears; whoever is not named wears that of [face]. "
            "`livecam enroll --list` says who is enrolled.",
        ),
    )
