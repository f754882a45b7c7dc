"""Configuration: typed sections, where each value came from, and the places livecam keeps files.

>>> from livecam.config import load
>>> load().config.source.size
Size(width=1280, height=720)
"""

from livecam.config.audio import AudioConfig
from livecam.config.audit import AuditConfig
from livecam.config.bank import BankConfig
from livecam.config.choices import LogLevel, Provider
from livecam.config.control import USUAL, ControlConfig, HotkeysConfig
from livecam.config.example import example_text
from livecam.config.face import FaceConfig, PrivacyConfig
from livecam.config.governor import GovernorConfig
from livecam.config.idle import IdleConfig, WhenIdle
from livecam.config.label import LabelConfig, Language
from livecam.config.load import Layer, Origin, Resolved, defaults, load
from livecam.config.models import ModelsConfig
from livecam.config.neural import NeuralConfig
from livecam.config.obs import ObsConfig
from livecam.config.panel import PanelConfig
from livecam.config.paths import Paths
from livecam.config.people import PeopleConfig
from livecam.config.policy import Policy
from livecam.config.presets import PRESETS, Preset, PresetName
from livecam.config.provenance import ProvenanceConfig
from livecam.config.registry import SECTIONS, SETTINGS, Key
from livecam.config.safety import SafetyConfig
from livecam.config.schema import Config, LogConfig, RunConfig
from livecam.config.ways import OutputConfig, SourceConfig

__all__ = [
    "PRESETS",
    "SECTIONS",
    "SETTINGS",
    "USUAL",
    "AudioConfig",
    "AuditConfig",
    "BankConfig",
    "Config",
    "ControlConfig",
    "FaceConfig",
    "GovernorConfig",
    "HotkeysConfig",
    "IdleConfig",
    "Key",
    "LabelConfig",
    "Language",
    "Layer",
    "LogConfig",
    "LogLevel",
    "ModelsConfig",
    "NeuralConfig",
    "ObsConfig",
    "Origin",
    "OutputConfig",
    "PanelConfig",
    "Paths",
    "PeopleConfig",
    "Policy",
    "Preset",
    "PresetName",
    "PrivacyConfig",
    "ProvenanceConfig",
    "Provider",
    "Resolved",
    "RunConfig",
    "SafetyConfig",
    "SourceConfig",
    "WhenIdle",
    "defaults",
    "example_text",
    "load",
]
