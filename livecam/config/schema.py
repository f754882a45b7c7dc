"""Every setting livecam has. What is not here does not exist.

Each field carries a `Setting`: its help text, its flag, and its kind (type, range, unit, allowed values). Flags,
environment variables, ``livecam config show`` and docs/livecam.toml are all made from it.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from livecam.config.audio import AudioConfig
from livecam.config.bank import BankConfig
from livecam.config.choices import LogLevel
from livecam.config.compound import Otherwise, PathKind, SizeKind, SpecKind, SpecList
from livecam.config.control import ControlConfig, HotkeysConfig
from livecam.config.governor import GovernorConfig
from livecam.config.idle import IdleConfig
from livecam.config.kinds import Choice, Number, Switch, Text
from livecam.config.label import LabelConfig
from livecam.config.models import ModelsConfig
from livecam.config.neural import NeuralConfig
from livecam.config.obs import ObsConfig
from livecam.config.panel import PanelConfig
from livecam.config.people import PeopleConfig
from livecam.config.setting import META, about
from livecam.core.frame import Size
from livecam.core.settings import BLEND_LIMIT, Eyes, Mode, Others, Settings
from livecam.core.spec import SourceWish, Spec, parse_spec

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


@dataclass(frozen=True, slots=True)
class FaceConfig:
    """What is worn and how."""

    persona: str = field(
        default="nobody",
        metadata=about(Text(40), "--persona", "Name of the persona to wear; `livecam faces list` lists them."),
    )
    shape: float = field(
        default=0.55,
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


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One run: how long, and what is told about it."""

    seconds: float = field(
        default=0.0,
        metadata=about(Number(0, 31_536_000, "s"), "--seconds", "Stop after this time; 0 runs until it is stopped."),
    )
    report: Path | None = field(
        default=None,
        metadata=about(Otherwise(PathKind(), "none"), "--report", "Write the run's numbers to this JSON file."),
    )
    tty: bool = field(
        default=True,
        metadata=about(
            Switch(), "--tty", "One live status line when on a terminal; --no-tty prints a plain line every 5 s."
        ),
    )


@dataclass(frozen=True, slots=True)
class LogConfig:
    """The log."""

    level: LogLevel = field(
        default=LogLevel.WARNING, metadata=about(Choice(LogLevel), "--log-level", "The least that is logged.")
    )
    file: Path | None = field(
        default=None,
        metadata=about(
            Otherwise(PathKind(), "none"), "--log-file", "Write the log to this file instead of the terminal."
        ),
    )


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is configured, checked and typed."""

    source: SourceConfig = field(default_factory=SourceConfig, metadata={META: "Where frames come from."})
    output: OutputConfig = field(default_factory=OutputConfig, metadata={META: "Where pictures go."})
    face: FaceConfig = field(default_factory=FaceConfig, metadata={META: "What is worn, and how."})
    people: PeopleConfig = field(
        default_factory=PeopleConfig, metadata={META: "Who wears what, where several people are enrolled."}
    )
    privacy: PrivacyConfig = field(
        default_factory=PrivacyConfig, metadata={META: "What may leave, and what is shown when nothing may."}
    )
    models: ModelsConfig = field(default_factory=ModelsConfig, metadata={META: "The networks, and what runs them."})
    neural: NeuralConfig = field(
        default_factory=NeuralConfig, metadata={META: "The neural swap: which networks, for those who have them."}
    )
    governor: GovernorConfig = field(
        default_factory=GovernorConfig, metadata={META: "What is given up when there is not enough time."}
    )
    control: ControlConfig = field(
        default_factory=ControlConfig, metadata={META: "How a run is told what to do: see docs/control.md."}
    )
    hotkeys: HotkeysConfig = field(
        default_factory=HotkeysConfig, metadata={META: "Keys that work with any window in front."}
    )
    panel: PanelConfig = field(default_factory=PanelConfig, metadata={META: "The control panel in the browser."})
    bank: BankConfig = field(default_factory=BankConfig, metadata={META: "How personas are switched."})
    label: LabelConfig = field(
        default_factory=LabelConfig, metadata={META: "What tells people that the picture is not the camera's."}
    )
    idle: IdleConfig = field(default_factory=IdleConfig, metadata={META: "What happens while nobody looks."})
    obs: ObsConfig = field(default_factory=ObsConfig, metadata={META: "The connection to OBS Studio: see docs/obs.md."})
    audio: AudioConfig = field(default_factory=AudioConfig, metadata={META: "Sound that keeps step with the picture."})
    run: RunConfig = field(default_factory=RunConfig, metadata={META: "One run: how long, and what is told about it."})
    log: LogConfig = field(default_factory=LogConfig, metadata={META: "The log."})

    @property
    def output_size(self) -> Size:
        """The one size of all pictures of a run."""
        return self.output.size or self.source.size

    @property
    def output_fps(self) -> float:
        """Pictures sent per second."""
        return self.output.fps or self.source.fps

    @property
    def wish(self) -> SourceWish:
        """What the source is asked for."""
        return SourceWish(self.source.size, self.source.fps, self.source.timeout_s)

    @property
    def settings(self) -> Settings:
        """What a run starts with."""
        return Settings(
            persona=self.face.persona,
            mode=Mode.PASSTHROUGH if self.privacy.passthrough else Mode.SWAP,
            others=self.face.others,
            shape=self.face.shape,
            eyes=self.face.eyes,
            steadiness=self.face.steadiness,
            blend=self.neural.blend,
            label=self.label.shown,
            blend_limit=1.0 if self.neural.force_blend else BLEND_LIMIT,
        )
