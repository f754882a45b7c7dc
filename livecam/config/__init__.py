"""Configuration: typed sections, where each value came from, and the places livecam keeps files.

>>> from livecam.config import load
>>> load().config.source.size
Size(width=1280, height=720)
"""

from livecam.config.choices import LogLevel, Provider
from livecam.config.control import USUAL, ControlConfig, HotkeysConfig
from livecam.config.example import example_text
from livecam.config.governor import GovernorConfig
from livecam.config.load import Layer, Origin, Resolved, defaults, load
from livecam.config.models import ModelsConfig
from livecam.config.neural import NeuralConfig
from livecam.config.paths import Paths
from livecam.config.people import PeopleConfig
from livecam.config.presets import PRESETS, Preset, PresetName
from livecam.config.registry import SECTIONS, SETTINGS, Key
from livecam.config.schema import (
    Config,
    FaceConfig,
    LogConfig,
    OutputConfig,
    PrivacyConfig,
    RunConfig,
    SourceConfig,
)

__all__ = [
    "PRESETS",
    "SECTIONS",
    "SETTINGS",
    "USUAL",
    "Config",
    "ControlConfig",
    "FaceConfig",
    "GovernorConfig",
    "HotkeysConfig",
    "Key",
    "Layer",
    "LogConfig",
    "LogLevel",
    "ModelsConfig",
    "NeuralConfig",
    "Origin",
    "OutputConfig",
    "Paths",
    "PeopleConfig",
    "Preset",
    "PresetName",
    "PrivacyConfig",
    "Provider",
    "Resolved",
    "RunConfig",
    "SourceConfig",
    "defaults",
    "example_text",
    "load",
]
