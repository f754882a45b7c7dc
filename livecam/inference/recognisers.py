"""Which networks of the catalogue tell people apart, and which of them is on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.inference.catalogue import load_model, model_names
from livecam.inference.model import STAND_IN, Model
from livecam.inference.store import Presence, presence


@dataclass(frozen=True, slots=True)
class Rule:
    """What the cosine of two embeddings tells.

    Attributes:
        same: From here on they are one person's.
        other: Up to here they are two people's; between the two it cannot be told.
    """

    same: float
    other: float


RECOGNISERS: Final = {
    "sface": Rule(0.363, 0.2),
    "auraface": Rule(0.35, 0.15),
    "arcface_w600k_r50": Rule(0.35, 0.15),
    "glintr100": Rule(0.35, 0.15),
}
"""By name of the recipe, best licence first.

SFace's 0.363 is OpenCV's; the others are what the ArcFace family is used with. None of them could be tried here, for
lack of the weights.
"""


def recogniser_here(cache: Path, folders: tuple[Path, ...]) -> Model | None:
    """The first of `RECOGNISERS` that is on this machine; None where none is. A stand-in tells nobody apart.

    Args:
        cache: Where networks are kept.
        folders: Of recipes.
    """
    there = model_names(folders)
    known = (load_model(name, folders) for name in RECOGNISERS if name in there)
    real = (model for model in known if not model.summary.startswith(STAND_IN))
    return next((model for model in real if presence(model, cache) is Presence.PRESENT), None)
