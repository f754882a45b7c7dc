"""Settings of what is worn, and of what may leave."""

from dataclasses import dataclass, field
from pathlib import Path

from livecam.config.compound import Otherwise, PathKind
from livecam.config.kinds import Choice, Number, Switch, Text
from livecam.config.setting import about
from livecam.core.settings import Eyes, Others


@dataclass(frozen=True, slots=True)
class FaceConfig:
    """What is worn and how."""

    persona: str = field(
        default="nobody",
        metadata=about(Text(40), "--persona", "Name of the persona to wear; `livecam faces list` lists them."),
    )
    shape: float = field(
        default=0.54,
        metadata=about(
            Number(0, 1), "--shape", "How far your proportions move towards the persona's: 0 not at all, 1 all the way."
        ),
    )
    eyes: Eyes = field(
        default=Eyes.SOURCE,
        metadata=about(
            Choice(Eyes),
            "--eyes",
            "source: the persona's eyes, following your gaze. target: your own. auto: as fits the pose.",
        ),
    )
    steadiness: float = field(
        default=0.5,
        metadata=about(Number(0, 1), "--steadiness", "0 follows every measurement, 1 smooths most and lags most."),
    )
    hands: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--hands",
            "Let hands before the face stay visible. A hand over most of the face withholds the picture.",
        ),
    )
    others: Others = field(
        default=Others.BLUR,
        metadata=about(
            Choice(Others),
            "--others",
            "What happens to other people in the picture: blur their faces, withhold the picture, or leave them.",
        ),
    )


@dataclass(frozen=True, slots=True)
class PrivacyConfig:
    """What may leave, and what is shown when nothing may."""

    passthrough: bool = field(
        default=False,
        metadata=about(
            Switch(), "--passthrough", "Send the camera's picture unchanged, with your own face. Never on by itself."
        ),
    )
    hold_ms: float = field(
        default=250.0,
        metadata=about(
            Number(0, 2000, "ms"),
            "--hold",
            "How long the last cleared picture may stand in when no new one is cleared, before the slate is shown.",
        ),
    )
    slate_text: str = field(
        default="One moment, please",
        metadata=about(Text(80), "--slate-text", "Words on the slate; empty for a plain one."),
    )
    slate_picture: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "none"), "--slate-picture", "Your own picture as the slate, instead of the words."
        ),
    )
