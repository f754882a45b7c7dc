"""The head angles and the lights in which views of a persona are drawn from one photo."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.frame import Points
from livecam.vision.heading import CANONICAL_FIVE

PROFILE: Final = 60.0
"""Degrees of yaw from which on a recogniser of the ArcFace family cannot say who it is."""

FRONT: Final = 15.0
"""Degrees of yaw and pitch up to which a view is one from the front."""

# Of the picture's side: the height of the face, and where its centroid lies.
_HEIGHT: Final = 0.44
_MIDDLE: Final = (0.5, 0.5)
_MIRRORED: Final = [1, 0, 2, 4, 3]


@dataclass(frozen=True, slots=True)
class Preset:
    """An angle of the head.

    Attributes:
        name: Such as ``left-45``.
        yaw: Degrees, positive to the picture's right.
        pitch: Degrees, positive up.
        words: For the prompt, of models that see no landmarks.
    """

    name: str
    yaw: float
    pitch: float
    words: str

    @property
    def profile(self) -> bool:
        """Whether the face is seen so far from the side that nobody can say who it is."""
        return abs(self.yaw) >= PROFILE

    @property
    def front(self) -> bool:
        """Whether it looks about into the camera."""
        return abs(self.yaw) <= FRONT and abs(self.pitch) <= FRONT

    def five(self, side: int) -> Points:
        """Where the five points are in a picture of `side` px: (5, 2) f32 px.

        They are the canonical face's, turned and seen from far away. What looks to the right is the exact mirror image
        of what looks to the left.
        """
        if self.yaw > 0:
            left = Preset(self.name, -self.yaw, self.pitch, self.words).five(side)
            mirrored: Points = left[_MIRRORED] * np.array([-1, 1], np.float32) + np.array([side, 0], np.float32)
            return mirrored
        turned = (CANONICAL_FIVE @ turn_of(self.yaw, self.pitch).T)[:, :2]
        placed: Points = (turned * (_HEIGHT * side) + np.array(_MIDDLE) * side).astype(np.float32)
        return placed


def turn_of(yaw: float, pitch: float) -> Points:
    """(3, 3) f32: the rotation of a head, as `livecam.vision.mesh.pose.Pose.angles` reads it."""
    a, b = math.radians(-yaw), math.radians(-pitch)
    across = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    nod = [[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]]
    rotation: Points = (np.array(across) @ np.array(nod)).astype(np.float32)
    return rotation


PRESETS: Final = (
    Preset("front", 0, 0, "looking straight into the camera"),
    Preset("left-22", -22, 0, "head turned slightly to the left side of the picture"),
    Preset("right-22", 22, 0, "head turned slightly to the right side of the picture"),
    Preset("left-45", -45, 0, "three-quarter view, head turned to the left side of the picture"),
    Preset("right-45", 45, 0, "three-quarter view, head turned to the right side of the picture"),
    Preset("left-67", -67, 0, "near profile, head turned far to the left side of the picture"),
    Preset("right-67", 67, 0, "near profile, head turned far to the right side of the picture"),
    Preset("up", 0, 18, "head tilted up, looking slightly above the camera"),
    Preset("down", 0, -18, "head tilted down, looking slightly below the camera"),
    Preset("left-22-up", -22, 15, "head turned slightly to the left side of the picture and tilted up"),
    Preset("right-22-down", 22, -15, "head turned slightly to the right side of the picture and tilted down"),
)
"""The canonical angles."""


@dataclass(frozen=True, slots=True)
class Light:
    """A light, which words alone make.

    Attributes:
        name: Such as ``soft``.
        words: For the prompt.
    """

    name: str
    words: str


LIGHTS: Final = (
    Light("soft", "soft even light from the front"),
    Light("warm", "warm light from one side"),
)

_PROMPT: Final = "photo of the same person, head and shoulders, {angle}, {light}, plain grey background"


def prompt_of(preset: Preset, light: Light) -> str:
    """What is asked of the model besides the identity; the same for all views but for angle and light."""
    return _PROMPT.format(angle=preset.words, light=light.words)
