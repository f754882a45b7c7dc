"""Makes a neural identity of photos: find the one face in each, embed it, pool all, form what the swapper takes."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import IO, Protocol

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.core.seams import Detector
from livecam.errors import PhotoRefused
from livecam.vision.contract import IdentityKind, IdentityRule
from livecam.vision.recognise import Embedding, IdentityConverter, Recogniser, normalised, pooled
from livecam.vision.swap.identity import FORMAT, NeuralIdentity, latent, load_identity
from livecam.vision.swap.photo import FacePhoto, face_in
from livecam.vision.template import align
from livecam.vision.tensor import Feeder, Floats

_METHOD = 1
"""Raise it when the same photos would give another identity."""


def preparer_version(digests: Iterable[str]) -> str:
    """Names a way to prepare by the digests of the recipes it rests on: swapper, detector, recogniser, converter."""
    joined = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return f"neural-{_METHOD}.{FORMAT}-{joined[:16]}"


class Maker(Protocol):
    """Makes an identity of faces of one person."""

    def __call__(self, photos: Sequence[FacePhoto]) -> NeuralIdentity:
        """The identity of at least one photo.

        Raises:
            PhotoRefused: One shows somebody else.
            ContractError: A network gave rubbish.
            EngineError: A network failed.
        """
        ...


class Former:
    """Brings a recogniser's vectors into the form that a swapper takes. One thread.

    Args:
        converter: Of the swapper's rule; None where it needs none.
        emap: (512, 512) f32, for swappers that take latents; None for others.

    Raises:
        ValueError: Both were given; no swapper takes both.
    """

    def __init__(self, converter: IdentityConverter | None = None, emap: Floats | None = None) -> None:
        if converter is not None and emap is not None:
            raise ValueError("An identity is converted or multiplied by emap, not both.")
        self._converter = converter
        self._emap = emap

    @property
    def kind(self) -> IdentityKind:
        """The form."""
        return IdentityKind.EMBEDDING if self._emap is None else IdentityKind.EMAP

    def __call__(self, embedding: Embedding) -> Embedding:
        """What the swapper takes for `embedding`, (L,) f32.

        Raises:
            ContractError, EngineError: It is nobody's, or the converter failed.
        """
        if self._emap is not None:
            return latent(embedding, self._emap)
        return normalised(embedding) if self._converter is None else self._converter(embedding)


class EmbeddingMaker:
    """Makes identities of embeddings: as they are, converted, or as latents.

    Args:
        recogniser: Of the swapper's rule.
        former: Brings its vectors into the swapper's form; as they are, at unit length, unless given.
    """

    def __init__(self, recogniser: Recogniser, former: Former | None = None) -> None:
        self._recogniser = recogniser
        self._former = former or Former()

    def __call__(self, photos: Sequence[FacePhoto]) -> NeuralIdentity:
        """See `Maker`."""
        embedding, outliers = pooled([self._recogniser.embed(photo.image, photo.five) for photo in photos])
        if outliers:
            names = ", ".join(photos[index].name for index in outliers)
            raise PhotoRefused(f"{names}: Another person than on the other photos.", "Leave it out, or check the rest.")
        return NeuralIdentity(self._former.kind, self._former(embedding)[None], embedding)


class PictureMaker:
    """Makes identities of the best photo itself, for swappers that take a picture.

    Args:
        rule: With picture and alignment.

    Raises:
        ValueError: It lacks them.
    """

    def __init__(self, rule: IdentityRule) -> None:
        if rule.picture is None or rule.alignment is None:
            raise ValueError("This swapper takes no picture of the persona.")
        self._alignment = rule.alignment
        self._side = rule.picture.side
        self._feed = Feeder(rule.picture)

    def __call__(self, photos: Sequence[FacePhoto]) -> NeuralIdentity:
        """See `Maker`."""
        best = max(photos, key=lambda photo: photo.worth)
        matrix = align(best.five, self._alignment.template, self._side, self._alignment.offset_px)
        size = (self._side, self._side)
        crop = cv2.warpAffine(best.image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        picture = self._feed(crop).copy()  # type: ignore[arg-type]
        return NeuralIdentity(IdentityKind.IMAGE, picture, np.zeros(0, np.float32))


class NeuralPreparer:
    """Prepares photos for one swapper. Networks are loaded when the first photo comes. One thread.

    Args:
        version: See `preparer_version`.
        detector: Builds the detector.
        maker: Builds what makes the identity.
    """

    def __init__(self, version: str, detector: Callable[[], Detector], maker: Callable[[], Maker]) -> None:
        self.version = version
        self._make_detector = detector
        self._make_maker = maker

    @cached_property
    def _detector(self) -> Detector:
        return self._make_detector()

    @cached_property
    def _maker(self) -> Maker:
        return self._make_maker()

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> NeuralIdentity:
        """Make an identity of upright (H, W, 3) u8 BGR photos of one person; `names` are for messages.

        Raises:
            PhotoRefused: A photo has no face, several, none that is fit, or another person's; the sentence names it.
            ContractError: A network gave rubbish.
            EngineError: A network failed.
        """
        photos = [face_in(image, name, self._detector) for image, name in zip(images, names, strict=True)]
        return self._maker(photos)

    def load(self, file: IO[bytes]) -> NeuralIdentity:
        """Read what `NeuralIdentity.save` wrote.

        Raises:
            PersonaError: The file is missing, damaged or of another version.
        """
        return load_identity(file)
