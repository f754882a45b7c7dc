"""Who a face is, in 512 numbers: by the recogniser on this machine, or by a stand-in that tells nobody apart."""

from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from livecam.config import Provider
from livecam.core.frame import Image, Points
from livecam.errors import ContractError
from livecam.inference.backends import embedded_backend
from livecam.inference.catalogue import load_model, model_names
from livecam.inference.model import STAND_IN, Model
from livecam.inference.onnx import load_model_engine
from livecam.inference.recognisers import RECOGNISERS, recogniser_here
from livecam.inference.store import Presence, installed, presence
from livecam.vision.contract import RecogniserContract
from livecam.vision.recognise import Embedding, Recogniser, normalised
from livecam.vision.template import Template, align

LENGTH: Final = 512
"""What a likeness has for each view."""

_SIDE: Final = 112
_ROWS, _COLUMNS = 16, 32


class Teller(Protocol):
    """Says who a face is. One thread."""

    @property
    def told(self) -> str:
        """By what."""
        ...

    @property
    def knows(self) -> bool:
        """Whether that tells people apart."""
        ...

    def __call__(self, image: Image, five: Points) -> Embedding:
        """(512,) f32 of length 1, of the face at `five`, (5, 2) f32 px, in `image`, (H, W, 3) u8 BGR."""
        ...


class RecognisedTeller:
    """A `Teller` by a recogniser's network. Shorter vectors than 512 are filled up with zeros: their cosines stay.

    Args:
        recogniser: Embeds faces.
        name: Of the network.
    """

    knows: Final = True

    def __init__(self, recogniser: Recogniser, name: str) -> None:
        self._recogniser = recogniser
        self.told = name

    def __call__(self, image: Image, five: Points) -> Embedding:
        """See `Teller`.

        Raises:
            ContractError, EngineError: The network failed.
        """
        known = normalised(self._recogniser.embed(image, five))
        return np.pad(known, (0, LENGTH - len(known))) if len(known) < LENGTH else known


class StandInTeller:
    """A `Teller` without any network: the aligned face itself, grey and coarse.

    The same picture gives the same numbers, another one others; whether two show one person it does not know.
    """

    told: Final = "a stand-in that tells nobody apart"
    knows: Final = False

    def __call__(self, image: Image, five: Points) -> Embedding:
        """See `Teller`.

        Raises:
            ContractError: The points coincide.
        """
        try:
            matrix = align(five, Template.ARCFACE_112_V2, _SIDE)
        except ValueError:
            raise ContractError("A face whose five points coincide cannot be recognised.") from None
        crop = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
        grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
        level = grey.astype(np.float32).ravel()
        level -= level.mean()
        # One colour all over has no direction; it gets one, so that nothing has to be asked of it.
        level[0] += 1e-3
        return normalised(level)


def teller_of(cache: Path, folders: tuple[Path, ...], provider: Provider, first: str = "") -> Teller:
    """What faces are told by here: a recogniser of 512 numbers before a shorter one, a stand-in where there is none.

    Args:
        cache: Where networks are kept.
        folders: Of recipes.
        provider: What runs it.
        first: The recogniser that is taken before all others, if it is here: the one that an adapter knows.

    Raises:
        EngineError, ModelError: The recogniser cannot be loaded.
    """
    model = _longest(cache, folders, first) or recogniser_here(cache, folders)
    if model is None or not isinstance(model.contract, RecogniserContract):
        return StandInTeller()
    engine = load_model_engine(model, installed(model, cache), str(embedded_backend(provider)))
    return RecognisedTeller(Recogniser(engine, model.contract), model.name)


def _longest(cache: Path, folders: tuple[Path, ...], first: str) -> Model | None:
    """The first recogniser on this machine whose vectors fill a likeness: the adapters were trained on such."""
    there = model_names(folders)
    names = sorted(RECOGNISERS, key=lambda name: name != first)
    known = (load_model(name, folders) for name in names if name in there)
    whole = (one for one in known if isinstance(one.contract, RecogniserContract) and one.contract.length == LENGTH)
    real = (model for model in whole if not model.summary.startswith(STAND_IN))
    return next((model for model in real if presence(model, cache) is Presence.PRESENT), None)
