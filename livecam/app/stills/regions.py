"""Which part of a crop is face, and is not covered: what the studio may make anew.

A face parser tells skin, brows, eyes, nose and mouth from glasses, earrings, hair and hats; an occluder tells what
stands before it. Without them the mesh says where the face is, and the networks for hands what they cover: then glasses
and hair before the face are taken for it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.core.seams import Engine
from livecam.inference.catalogue import load_model, model_names
from livecam.inference.model import STAND_IN, Model
from livecam.inference.store import Presence, presence
from livecam.vision.contract import MaskerContract, MaskerFamily
from livecam.vision.hands.follow import HandFollower, HandRules
from livecam.vision.hands.landmarks import HandLandmarker
from livecam.vision.hands.mask import shade_of
from livecam.vision.hands.palm import PalmDetector
from livecam.vision.mask.bisenet import RegionMasker
from livecam.vision.mask.masker import Masker
from livecam.vision.mask.xseg import OcclusionMasker
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.template import Template, align

PARSERS: Final = ("bisenet_resnet_34", "bisenet_resnet_18")
OCCLUDERS: Final = ("xseg_1", "xseg_3", "xseg_2")
"""By the names of their recipes, best first."""

BARE: Final = (1, 2, 3, 4, 5, 10, 11, 12, 13)
"""Classes of the parser that are made anew: skin, brows, eyes, nose, mouth and lips, and not glasses."""

KEPT: Final = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 17)
"""Classes that PuLID is shown of a face: hair and glasses too, neither ears nor what is worn or around
(ToTheBeginning/PuLID, pulid/pipeline_flux.py ``bg_label``)."""

_ALIGNED: Final = 512
_GROWN: Final = 1.3
"""What a parser calls skin counts so far around the middle of the mesh: no other face is taken for this one."""

_FINE_BITS: Final = 4


class Regions:
    """Says which part of a crop may be made anew. One thread.

    Args:
        parser: Of an aligned face: what is face. None where there is none.
        occluder: Of the same: what is not covered.
        hands: Of a whole crop: what hands cover, (S, S) u8, 255 where one is.
        looks: Of an aligned face: what is face or hair, by the same network as `parser`. None where there is none.
    """

    def __init__(
        self,
        parser: Masker | None,
        occluder: Masker | None,
        hands: Callable[[Image, Face], Image] | None,
        looks: Masker | None = None,
    ) -> None:
        self._parser = parser
        self._looks = looks
        self._occluder = occluder
        self._hands = hands

    @property
    def lacks(self) -> str:
        """What is drawn over for want of a network, in a sentence; "" for nothing."""
        if self._parser is None:
            return (
                "There is no face parser here: glasses, and hair before the face, are drawn over. "
                f"Fetch one: livecam models pull {PARSERS[0]}"
            )
        if self._occluder is None and self._hands is None:
            return f"Nothing here sees hands before the face. Fetch: livecam models pull {OCCLUDERS[0]}"
        return ""

    def __call__(self, crop: Image, face: Face) -> Image:
        """(S, S) u8: 255 where `crop`, (S, S, 3) u8 BGR, shows the bare `face`, whose px are the crop's.

        Raises:
            FaceUncovered: Hands cover so much of it that too little is left.
            ContractError, EngineError: A network failed.
        """
        hull = _hull(face, crop.shape, 1.0 if self._parser is None else _GROWN)
        for masker in (self._parser, self._occluder):
            if masker is not None:
                cv2.min(hull, _masked(masker, crop, face.landmarks.five), dst=hull)
        if self._hands is not None:
            cv2.min(hull, cv2.bitwise_not(self._hands(crop, face)), dst=hull)
        return hull

    def looks(self, photo: Image, five: Points) -> Image | None:
        """(H, W) u8: 255 where `photo`, (H, W, 3) u8 BGR, shows the face at `five`, (5, 2) f32 px, or its hair.

        None where there is no parser.

        Raises:
            ContractError, EngineError: It failed.
        """
        return None if self._looks is None else _masked(self._looks, photo, five)


def _hull(face: Face, shape: tuple[int, ...], grown: float) -> Image:
    """(S, S) u8: 255 inside the oval of the mesh, `grown` around its middle; smooth-edged."""
    oval = face.landmarks.points[TOPOLOGY.oval]
    middle = oval.mean(axis=0)
    corners = np.rint((middle + (oval - middle) * grown) * (1 << _FINE_BITS)).astype(np.int32)
    out = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(out, [corners], 255, cv2.LINE_AA, _FINE_BITS)
    return out


def _masked(masker: Masker, crop: Image, five: Points) -> Image:
    """What `masker` says of the aligned face, laid back on to the crop; 0 beyond what it saw."""
    matrix, size = align(five, Template.FFHQ_512, _ALIGNED), (_ALIGNED, _ALIGNED)
    aligned = np.asarray(cv2.warpAffine(crop, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    mask = masker(aligned, np.empty(size, np.uint8))
    back = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(mask, matrix, crop.shape[1::-1], flags=back), np.uint8)


class HandShade:
    """Sees hands before a face in a single picture. One thread.

    Args:
        palms: Finds hands.
        landmarker: Finds their points.
    """

    def __init__(self, palms: PalmDetector, landmarker: HandLandmarker) -> None:
        self._palms = palms
        self._landmarker = landmarker
        self._rules = HandRules()

    def __call__(self, crop: Image, face: Face) -> Image:
        """(S, S) u8: 255 where a hand is before `face`.

        Raises:
            FaceUncovered: It would leave too much of the face.
            EngineError: A network failed.
        """
        square = self._palms.shrink(crop, *face.box.centre, self._rules.search_side * face.box.height)
        out = np.zeros(crop.shape[:2], np.uint8)
        if square is None:
            return out
        hands = HandFollower(self._landmarker)(crop, face, self._palms(square, self._rules.palm))
        shade = shade_of(hands, crop, face)
        return out if shade is None else shade.into(np.eye(2, 3), out)


def regions_of(
    cache: Path,
    folders: tuple[Path, ...],
    load: Callable[[Model], Engine],
    hands: Callable[[Image, Face], Image] | None,
) -> Regions:
    """With the networks that are on this machine.

    Args:
        cache: Where networks are kept.
        folders: Of recipes.
        load: Loads one.
        hands: Sees hands; None where the networks for it are missing.

    Raises:
        EngineError, ModelError: One cannot be loaded.
    """
    parser, occluder = (_first(names, cache, folders) for names in (PARSERS, OCCLUDERS))
    bare, looks = _region_maskers(parser, load) if parser is not None else (None, None)
    shows = OcclusionMasker(load(occluder), _contract(occluder)) if occluder is not None else None
    return Regions(bare, shows, hands, looks)


def _region_maskers(model: Model, load: Callable[[Model], Engine]) -> tuple[Masker, Masker]:
    """What is made anew, and what a likeness shows of a person: one network for both."""
    contract, engine = _contract(model), load(model)
    assert contract.family is MaskerFamily.BISENET, "the recipe says so"
    bare, kept = (RegionMasker(engine, replace(contract, regions=classes)) for classes in (BARE, KEPT))
    return bare, kept


def _contract(model: Model) -> MaskerContract:
    assert isinstance(model.contract, MaskerContract), "the task says so"
    return model.contract


def _first(names: tuple[str, ...], cache: Path, folders: tuple[Path, ...]) -> Model | None:
    """The first network of `names` that is here and is none of those that do nothing."""
    there = model_names(folders)
    known = (load_model(name, folders) for name in names if name in there)
    return next(
        (m for m in known if not m.summary.startswith(STAND_IN) and presence(m, cache) is Presence.PRESENT), None
    )
