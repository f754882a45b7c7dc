"""Settings of the control panel in the browser."""

from dataclasses import dataclass, field

from livecam.config.kinds import Number, Switch
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """The web panel; on this machine only, with a token."""

    enabled: bool = field(
        default=False,
        metadata=about(Switch(), "--panel", "Serve the control panel on this machine; `livecam panel` opens it."),
    )
    port: float = field(
        default=8770.0,
        metadata=about(Number(0, 65_535), "--panel-port", "Its port; the next free one when it is taken, 0 takes any."),
    )
