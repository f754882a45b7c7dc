"""Settings of the connection to OBS Studio."""

from dataclasses import dataclass, field
from pathlib import Path

from livecam.config.compound import Otherwise, Pairs, PathKind
from livecam.config.kinds import Number, Switch, Text
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class ObsConfig:
    """obs-websocket, which comes with OBS 28 and later; it has to be switched on there."""

    connect: bool = field(
        default=False,
        metadata=about(Switch(), "--obs", "Follow OBS: change the persona with the scene, by [obs.scenes]."),
    )
    host: str = field(default="127.0.0.1", metadata=about(Text(120), "--obs-host", "The computer that OBS runs on."))
    port: float = field(default=4455.0, metadata=about(Number(1, 65_535), "--obs-port", "Of obs-websocket."))
    password_file: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "none"),
            "--obs-password-file",
            "A file that holds its password and nothing else; or the variable OBS_WEBSOCKET_PASSWORD.",
        ),
    )
    scenes: tuple[tuple[str, str], ...] = field(
        default=(),
        metadata=about(
            Pairs("SCENE", "PERSONA"), "--obs-scene", 'Which persona belongs to which scene, as { "Talk" = "ann" }.'
        ),
    )
