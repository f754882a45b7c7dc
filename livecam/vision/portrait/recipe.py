"""What a drawn person looks like: every number that makes one nobody differ from another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]
"""sRGB red, green, blue, 0..255, as a painter writes it."""


@dataclass(frozen=True, slots=True)
class FaceShape:
    """Proportions, as centimetres added to the canonical face; 0 everywhere is the average face."""

    jaw_width: float = 0.0
    cheek_width: float = 0.0
    temple_width: float = 0.0
    chin_length: float = 0.0
    chin_width: float = 0.0
    nose_width: float = 0.0
    nose_length: float = 0.0
    nose_bridge: float = 0.0
    eye_height: float = 0.32
    eye_width: float = 0.2
    eye_spacing: float = 0.0
    eye_tilt: float = 0.0
    brow_height: float = 0.0
    mouth_width: float = 0.0
    lip_upper: float = 0.0
    lip_lower: float = 0.0
    smile: float = 0.12


@dataclass(frozen=True, slots=True)
class Skin:
    """Skin colours and how much of each blemish; weights are 0..1."""

    base: Colour = (226, 182, 158)
    flush: Colour = (214, 118, 104)
    lips: Colour = (190, 100, 98)
    cheek_flush: float = 0.35
    stubble: float = 0.0
    freckles: float = 0.0
    gloss: float = 0.5


@dataclass(frozen=True, slots=True)
class Eyes:
    """Iris colours (outer, inner), relative iris radius and how dark the lashes are (0..1)."""

    outer: Colour = (58, 78, 62)
    inner: Colour = (142, 140, 92)
    radius_cm: float = 0.62
    lashes: float = 0.7


@dataclass(frozen=True, slots=True)
class Brows:
    """Eyebrow strokes: colour, half thickness in cm, how many strokes a side and their opacity (0..1)."""

    colour: Colour = (70, 50, 38)
    thickness_cm: float = 0.42
    strokes: int = 420
    opacity: float = 0.6


@dataclass(frozen=True, slots=True)
class Hair:
    """Hair: `style` is ``"short"`` (swept up and aside) or ``"long"`` (parted, to the shoulders)."""

    style: str = "short"
    base: Colour = (66, 44, 30)
    shine: Colour = (176, 128, 90)
    strands: int = 7000
    volume_cm: float = 1.3


@dataclass(frozen=True, slots=True)
class Light:
    """Key light: direction towards the light (x right, y up, z to the viewer), strengths and colours."""

    key: tuple[float, float, float] = (-0.45, 0.45, 0.77)
    key_strength: float = 1.15
    key_colour: Colour = (255, 244, 230)
    fill_strength: float = 0.42
    ambient: float = 0.42


@dataclass(frozen=True, slots=True)
class PortraitRecipe:
    """One nobody, whole: equal recipes always draw equal pictures."""

    name: str
    seed: int
    face: FaceShape = field(default_factory=FaceShape)
    skin: Skin = field(default_factory=Skin)
    eyes: Eyes = field(default_factory=Eyes)
    brows: Brows = field(default_factory=Brows)
    hair: Hair = field(default_factory=Hair)
    light: Light = field(default_factory=Light)
    cloth: Colour = (70, 96, 120)
    backdrop: Colour = (150, 156, 160)


WEARER = PortraitRecipe(
    name="demo",
    seed=11,
    face=FaceShape(
        jaw_width=0.2,
        cheek_width=-0.15,
        temple_width=-0.3,
        chin_length=0.7,
        chin_width=0.55,
        nose_width=0.4,
        nose_length=0.55,
        nose_bridge=0.4,
        eye_height=0.3,
        brow_height=-0.25,
        mouth_width=0.2,
        lip_upper=-0.04,
        smile=0.2,
    ),
    skin=Skin(base=(190, 140, 108), flush=(172, 84, 64), lips=(156, 90, 80), cheek_flush=0.22, stubble=0.75, gloss=0.6),
    eyes=Eyes(outer=(48, 30, 18), inner=(122, 78, 40), lashes=0.6),
    brows=Brows(colour=(30, 22, 18), thickness_cm=0.6, strokes=680, opacity=0.85),
    hair=Hair(style="short", base=(36, 26, 21), shine=(142, 104, 78), strands=8000),
    cloth=(52, 72, 96),
    backdrop=(176, 166, 152),
)
"""The demo's camera user: darker hair, broad jaw, tanned skin."""

PERSONA = PortraitRecipe(
    name="persona",
    seed=23,
    face=FaceShape(
        jaw_width=-0.8,
        cheek_width=-0.1,
        temple_width=-0.3,
        chin_length=-0.5,
        chin_width=-0.5,
        nose_width=-0.35,
        nose_length=-0.5,
        nose_bridge=-0.2,
        eye_height=0.45,
        eye_width=0.5,
        eye_spacing=0.12,
        eye_tilt=0.12,
        brow_height=0.48,
        lip_upper=0.16,
        lip_lower=0.2,
        smile=0.25,
    ),
    skin=Skin(base=(241, 205, 186), flush=(226, 128, 116), lips=(196, 88, 92), cheek_flush=0.3, freckles=0.35),
    eyes=Eyes(outer=(46, 84, 92), inner=(128, 170, 150), radius_cm=0.66, lashes=1.0),
    brows=Brows(colour=(90, 54, 34), thickness_cm=0.28, strokes=400, opacity=0.7),
    hair=Hair(style="long", base=(116, 62, 34), shine=(232, 160, 98), strands=9000, volume_cm=1.5),
    cloth=(214, 206, 196),
    backdrop=(120, 140, 146),
)
"""The default persona: auburn hair, narrow jaw, fair skin."""
