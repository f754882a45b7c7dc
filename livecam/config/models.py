"""Settings of the networks: where they are kept and what runs them."""

from dataclasses import dataclass, field
from pathlib import Path

from livecam.config.choices import Provider
from livecam.config.compound import Otherwise, PathKind
from livecam.config.kinds import Choice, Number, Text
from livecam.config.setting import about


@dataclass(frozen=True, slots=True)
class ModelsConfig:
    """Networks: where they are kept and what runs them."""

    cache: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "auto"), "--models-dir", "Folder of the networks; auto: the user's cache folder."
        ),
    )
    recipes: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "shipped"), "--recipes", "Folder of recipes to be used instead of the shipped ones."
        ),
    )
    provider: Provider = field(
        default=Provider.AUTO,
        metadata=about(
            Choice(Provider),
            "--provider",
            "What runs the networks. auto takes the best that works here; a named one that does not work is an error. "
            "remote: a server of the KServe protocol, such as NVIDIA Triton, which is given aligned crops of the face.",
        ),
    )
    remote: str = field(
        default="",
        metadata=about(
            Text(300), "--remote", "Address of that server, such as grpcs://studio.example:8001; docs/remote.md."
        ),
    )
    remote_deadline_ms: float = field(
        default=100.0,
        metadata=about(
            Number(20, 1000, "ms"),
            "--remote-deadline",
            "How long one answer of it may take; a frame without one is withheld.",
        ),
    )
