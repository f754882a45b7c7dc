"""What a network wants and gives, in numbers: the part of a recipe that the face work is built on.

The values come from recipes (engines/*.toml) and are checked there; here are only the words.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from livecam.vision.template import Template


class Colour(StrEnum):
    """Order of a network's colour planes."""

    BGR = "bgr"
    RGB = "rgb"


class Layout(StrEnum):
    """Order of a network's axes."""

    NCHW = "nchw"
    NHWC = "nhwc"


@dataclass(frozen=True, slots=True)
class PictureIn:
    """How a network wants a square picture: f32, ``(value - mean) / std`` with values 0..255.

    Attributes:
        side: Width and height, px.
        colour: Order of the planes.
        layout: Order of the axes, with a batch axis in front.
        mean: By plane, in the network's own colour order.
        std: By plane, likewise.
    """

    side: int
    colour: Colour
    layout: Layout
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PictureOut:
    """How a network's picture is read: ``(value - low) / (high - low) * 255``, cut to 0..255.

    Attributes:
        low: What stands for black.
        high: What stands for full intensity.
        colour: Order of the planes.
        layout: Order of the axes, with a batch axis in front.
    """

    low: float
    high: float
    colour: Colour
    layout: Layout


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a face is put into a crop.

    Attributes:
        template: Where the five points go.
        offset_px: Added to both axes of the template at the crop's own size (ReSwapper 256: 0.5).
    """

    template: Template
    offset_px: float = 0.0


class DetectorFamily(StrEnum):
    """How a detector's outputs are decoded."""

    SCRFD = "scrfd"
    YUNET = "yunet"
    YOLO = "yolo"


@dataclass(frozen=True, slots=True)
class DetectorContract:
    """A face detector.

    Attributes:
        family: How its outputs are decoded.
        picture: What it takes; `side` is the customary one where the graph leaves it free.
        score: A detection counts from here, 0..1.
        iou: Two boxes that overlap more are one face.
    """

    family: DetectorFamily
    picture: PictureIn
    score: float
    iou: float


class LandmarkerFamily(StrEnum):
    """How a landmarker crops, and how its output is read."""

    IF106 = "if106"
    FAN68 = "fan68"
    FIVE68 = "five68"
    MESH468 = "mesh468"


@dataclass(frozen=True, slots=True)
class LandmarkerContract:
    """A landmarker.

    Attributes:
        family: How it crops, and how its output is read.
        picture: What it takes; `None` for one that takes points (``five68``).
    """

    family: LandmarkerFamily
    picture: PictureIn | None


@dataclass(frozen=True, slots=True)
class RecogniserContract:
    """A recogniser: an aligned face becomes a vector.

    Attributes:
        picture: What it takes.
        alignment: How the face is put into the crop.
        length: Of the vector.
    """

    picture: PictureIn
    alignment: Alignment
    length: int


@dataclass(frozen=True, slots=True)
class ConverterContract:
    """A network that moves an embedding into another recogniser's space.

    Attributes:
        length: Of both vectors.
        normalised: Whether users of it want the result at unit length.
    """

    length: int
    normalised: bool


class IdentityKind(StrEnum):
    """In which form a swapper wants the persona."""

    EMBEDDING = "embedding"
    EMAP = "emap"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """What a swapper's ``source`` input is made of.

    Attributes:
        kind: The normalised embedding (or what `converter` makes of it); the same times emap, normalised again; or an
            aligned picture.
        recogniser: Name of the recogniser's recipe; "" for `IMAGE`.
        converter: Name of the converter's recipe; "" where none is needed.
        picture: For `IMAGE`: what is fed.
        alignment: For `IMAGE`: how the face is put into that picture.
    """

    kind: IdentityKind
    recogniser: str = ""
    converter: str = ""
    picture: PictureIn | None = None
    alignment: Alignment | None = None


@dataclass(frozen=True, slots=True)
class SwapperContract:
    """A swapper: a crop of the wearer and an identity become a crop of the persona.

    Attributes:
        picture: What its ``target`` takes.
        alignment: How the face is put into the crop.
        result: How its picture is read.
        identity: What its ``source`` takes.
        own_mask: Whether it gives a mask, (1, 1, S, S) f32 0..1, beside the picture.
    """

    picture: PictureIn
    alignment: Alignment
    result: PictureOut
    identity: IdentityRule
    own_mask: bool


@dataclass(frozen=True, slots=True)
class EnhancerContract:
    """An enhancer: a crop becomes a sharper crop.

    Attributes:
        picture: What it takes.
        alignment: How the face is put into the crop.
        result: How its picture is read.
        fidelity: Default of its second input ``weight``, f64 (1,), 0..1; `None` where it has none (all but CodeFormer).
    """

    picture: PictureIn
    alignment: Alignment
    result: PictureOut
    fidelity: float | None


class MaskerFamily(StrEnum):
    """How a masker's output is read."""

    XSEG = "xseg"
    BISENET = "bisenet"


@dataclass(frozen=True, slots=True)
class MaskerContract:
    """A masker: a crop becomes a mask of what of it is face.

    Attributes:
        family: How its output is read.
        picture: What it takes.
        regions: For `BISENET`: the classes that count as face; empty otherwise.
    """

    family: MaskerFamily
    picture: PictureIn
    regions: tuple[int, ...]


class NudityFamily(StrEnum):
    """How the output of a network that tells nudity is read."""

    CLASSES = "classes"
    BOXES = "boxes"


@dataclass(frozen=True, slots=True)
class NudityContract:
    """A network that tells whether a whole picture shows nudity.

    Attributes:
        family: `CLASSES` gives a number for each class, (1, C) f32, and the score is their sum by `weights`; `BOXES`
            gives rows as YOLO does, (1, 4 + C, N) f32, and the score is the best of any box and class by `weights`.
        picture: What it takes: the whole picture, with black bars where it is not square.
        weights: Of each class; 0 for one that does not count.
        limit: A score above it is a hit.
    """

    family: NudityFamily
    picture: PictureIn
    weights: tuple[float, ...]
    limit: float


class AgeFamily(StrEnum):
    """How a network that estimates ages crops, and how its output is read."""

    GENDERAGE = "genderage"
    FAIRFACE = "fairface"


@dataclass(frozen=True, slots=True)
class AgeContract:
    """A network that estimates how old somebody is.

    Attributes:
        family: How it crops, and how its output is read.
        picture: What it takes.
        alignment: How the face is put into the crop; `None` for one that takes an upright square around it.
    """

    family: AgeFamily
    picture: PictureIn
    alignment: Alignment | None


Contract: TypeAlias = (
    DetectorContract
    | LandmarkerContract
    | RecogniserContract
    | ConverterContract
    | SwapperContract
    | EnhancerContract
    | MaskerContract
    | NudityContract
    | AgeContract
)
