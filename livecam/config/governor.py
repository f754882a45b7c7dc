"""Settings of the governor, which gives up quality under load."""

from dataclasses import dataclass, field

from livecam.config.kinds import Number, Switch
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class GovernorConfig:
    """When quality is given up. Of the mesh swap only hands before the face."""

    enabled: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--governor",
            "Under load, give up quality step by step, and take it back when there is time: enhancer, then masks. "
            "Never anything of privacy.",
        ),
    )
    budget_ms: float = field(
        default=50.0,
        metadata=about(Number(5, 10_000, "ms"), "--budget", "What the networks may take for one frame."),
    )
    age_budget_ms: float = field(
        default=100.0,
        metadata=about(
            Number(10, 10_000, "ms"),
            "--age-budget",
            "How old a frame may be when it is finished, from the camera on; more than the camera itself takes.",
        ),
    )
