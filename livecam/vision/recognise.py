"""Who somebody is: embeddings, their comparison, their mean, and their way into another recogniser's space."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.core.seams import Engine
from livecam.errors import ContractError, PhotoRefused
from livecam.vision.contract import ConverterContract, RecogniserContract
from livecam.vision.template import align
from livecam.vision.tensor import Feeder, finite

Embedding = npt.NDArray[np.float32]
"""(L,) f32: where a recogniser puts a face. Only its direction counts."""

SAME_PERSON = 0.28
"""Two photos of one person have at least this cosine (the ArcFace family; strangers are near 0)."""


class Recogniser:
    """Embeds faces. Owns its memory; used by one thread.

    Args:
        engine: Bound by role: ``picture`` to ``embedding``, (1, L) f32.
        contract: Its numbers.
    """

    def __init__(self, engine: Engine, contract: RecogniserContract) -> None:
        self._engine = engine
        self._contract = contract
        side = contract.picture.side
        self._crop = np.empty((side, side, 3), np.uint8)
        self._feed = Feeder(contract.picture)

    def embed(self, image: Image, five: Points) -> Embedding:
        """The embedding, (L,) f32, as the network gives it, of the face in `image`, (H, W, 3) u8 BGR.

        Beyond the image is black, as in training.

        Args:
            image: Only read.
            five: Eyes, nose tip and mouth corners, (5, 2) f32 px.

        Raises:
            ContractError: The points coincide, or the network gave rubbish.
            EngineError: The backend failed.
        """
        alignment, side = self._contract.alignment, self._contract.picture.side
        if not np.ptp(five, axis=0).any():
            raise ContractError("A face whose five points coincide cannot be recognised.")
        matrix = align(five, alignment.template, side, alignment.offset_px)
        cv2.warpAffine(image, matrix, (side, side), dst=self._crop, flags=cv2.INTER_LINEAR)
        outputs = self._engine.run({"picture": self._feed(self._crop)})
        embedding: Embedding = finite(outputs["embedding"], (1, self._contract.length), "embedding")[0].copy()
        return embedding


class IdentityConverter:
    """Moves embeddings into the space of another recogniser. Used by one thread.

    Args:
        engine: Bound by role: ``embedding``, (1, L) f32, to ``embedding``, likewise.
        contract: Its numbers.
    """

    def __init__(self, engine: Engine, contract: ConverterContract) -> None:
        self._engine = engine
        self._contract = contract

    def __call__(self, embedding: Embedding) -> Embedding:
        """What `embedding`, (L,) f32 of any length, is there: at unit length or raw, as the contract says.

        Raises:
            ContractError: The embedding is zero or not finite, or the network gave rubbish.
            EngineError: The backend failed.
        """
        outputs = self._engine.run({"embedding": normalised(embedding)[None]})
        converted = finite(outputs["embedding"], (1, self._contract.length), "embedding")[0]
        return normalised(converted) if self._contract.normalised else converted.copy()


def normalised(embedding: Embedding) -> Embedding:
    """`embedding`, (L,) f32, at unit length; a new array.

    Raises:
        ContractError: It is zero or not finite.
    """
    length = float(np.linalg.norm(embedding.astype(np.float64)))
    if not 0 < length < np.inf:
        raise ContractError(f"An embedding of length {length} is nobody's.", "Choose another recogniser.")
    return (embedding / length).astype(np.float32)


def cosine(a: Embedding, b: Embedding) -> float:
    """How alike two embeddings of one recogniser are, -1..1.

    Raises:
        ContractError: One is zero or not finite.
    """
    return float(np.clip(normalised(a) @ normalised(b), -1, 1))


def pooled(embeddings: Sequence[Embedding], same_person: float = SAME_PERSON) -> tuple[Embedding, tuple[int, ...]]:
    """The embedding that photos of one person stand for, and which photos show somebody else.

    A photo is out when the median of its cosines with the others is below `same_person`; the worst goes first, and
    the rest is judged anew without it. The median, because a mean over two people's photos would accept both.

    Args:
        embeddings: One of each photo, (L,) f32.
        same_person: The cosine that two photos of one person have at least.

    Returns:
        The mean of the normalised embeddings of the others, (L,) f32 at unit length; and the indices of the outliers,
        rising, which are always fewer than half.

    Raises:
        ContractError: An embedding is zero or not finite.
        PhotoRefused: There is none, or no majority shows one person.
    """
    if not embeddings:
        raise PhotoRefused("There is no photo to know the person by.", "Name at least one.")
    units = np.stack([normalised(embedding) for embedding in embeddings])
    alike = units @ units.T
    kept = list(range(len(units)))
    while len(kept) > 1:
        support = [float(np.median(alike[one, [other for other in kept if other != one]])) for one in kept]
        if min(support) >= same_person:
            break
        kept.pop(int(np.argmin(support)))
    if 2 * len(kept) <= len(units):
        raise PhotoRefused(_disagreement(len(units)), "Use photos of one person, facing the camera.")
    outliers = tuple(index for index in range(len(units)) if index not in kept)
    return normalised(units[kept].mean(axis=0)), outliers


def _disagreement(photos: int) -> str:
    if photos == 2:
        return "The two photos show different people."
    return f"The {photos} photos show different people, and most of them do not show the same one."
