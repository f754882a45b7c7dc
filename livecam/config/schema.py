"""Every setting livecam has. What is not here does not exist.

Each field carries a `Setting`: its help text, its flag, and its kind (type, range, unit, allowed values). Flags,
environment variables, ``livecam config show`` and docs/livecam.toml are all made from it.
"""

from dataclasses import dataclass, field
from pathlib import Path

from livecam.config.audio import AudioConfig
from livecam.config.audit import AuditConfig
from livecam.config.bank import BankConfig
from livecam.config.choices import LogLevel
from livecam.config.compound import Otherwise, PathKind
from livecam.config.control import ControlConfig, HotkeysConfig
from livecam.config.face import FaceConfig, PrivacyConfig
from livecam.config.governor import GovernorConfig
from livecam.config.idle import IdleConfig
from livecam.config.kinds import Choice, Number, Switch
from livecam.config.label import LabelConfig
from livecam.config.models import ModelsConfig
from livecam.config.neural import NeuralConfig
from livecam.config.obs import ObsConfig
from livecam.config.panel import PanelConfig
from livecam.config.people import PeopleConfig
from livecam.config.provenance import ProvenanceConfig
from livecam.config.safety import SafetyConfig
from livecam.config.setting import META, about
from livecam.config.ways import OutputConfig, SourceConfig
from livecam.core.frame import Size
from livecam.core.settings import BLEND_LIMIT, Mode, Settings
from livecam.core.spec import SourceWish


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
    safety: SafetyConfig = field(
        default_factory=SafetyConfig,
        metadata={META: "What is checked before it may be used or leave: see docs/safety.md."},
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
    provenance: ProvenanceConfig = field(
        default_factory=ProvenanceConfig, metadata={META: "What files say about where they come from: docs/marks.md."}
    )
    audit: AuditConfig = field(
        default_factory=AuditConfig, metadata={META: "What is written down of what was done: see docs/audit.md."}
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
