"""What a face is told by: a recogniser's embedding, or, where there is no recogniser, the pattern of its edges."""

from typing import Final

import cv2
import numpy as np

from livecam.core.face import Face
from livecam.core.frame import Image, Points
from livecam.core.geometry import similarity
from livecam.errors import ContractError
from livecam.vision.recognise import Embedding, Recogniser, normalised

# A face turned further away shows too little of what it is told by: distance of the nose tip from the middle between
# the eyes, across, in distances of the eyes. About 35 degrees.
_TURNED: Final = 0.45
_SMALLEST_EYES_PX: Final = 18.0


def tellable(five: Points) -> bool:
    """Whether a face of these points, (5, 2) f32 px, is large enough, and turned little enough, to be told."""
    across = five[1] - five[0]
    eyes = float(np.hypot(*across))
    if eyes < _SMALLEST_EYES_PX:
        return False
    offset = (five[2] - (five[0] + five[1]) / 2) @ across / eyes**2
    return abs(float(offset)) <= _TURNED


class RecognisedLook:
    """A `Look` by a recogniser's network.

    Args:
        recogniser: Embeds faces.
        name: Of the network, for the status line.
        same: From this cosine on two embeddings are one person's.
        other: Up to this one they are two people's.
    """

    def __init__(self, recogniser: Recogniser, name: str, same: float, other: float) -> None:
        self._recogniser = recogniser
        self.told = f"recognised by {name}"
        self.same, self.other = same, other

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        """The embedding of `face`, (L,) f32 of length 1; None for one that is turned away or too small.

        Raises:
            EngineError, ContractError: The network failed.
        """
        five = face.landmarks.five
        return normalised(self._recogniser.embed(image, five)) if tellable(five) else None


class EdgeLook:
    """A `Look` without any network: histograms of edge directions on a grid over the aligned face.

    Weak: it knows a face again in about the light and with about the hair, glasses and expression of the enrolment. Of
    five people in five clips, with nine views of each, single looks at the same person gave 0.80 and more in nine of
    ten frames (0.68 in 99 of 100), looks at somebody else at most 0.84 (0.83 in 99 of 100). So most strangers end
    between `other` and `same`: they are not swapped, and not believed to be strangers either.
    """

    told: Final = "told by its look (weak: no recogniser)"
    same: Final = 0.84
    other: Final = 0.68

    def __call__(self, image: Image, face: Face) -> Embedding | None:
        """The look of `face`, (288,) f32 of length 1; None for one that is turned away or too small."""
        five = face.landmarks.five
        if not tellable(five):
            return None
        matrix = similarity(five, _PLACES)
        crop = cv2.warpAffine(image, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
        try:
            return normalised(_edges(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)))
        except ContractError:
            # One colour all over: nothing to go by.
            return None


_SIDE: Final = 64
_PLACES: Final = np.array([[20, 22], [44, 22], [32, 36], [22, 48], [42, 48]], np.float32)
_CELLS: Final = 8
_DIRECTIONS: Final = 8
# Added to the strength of a cell, in levels: what is weaker is noise.
_FLOOR: Final = 8.0


def _edges(grey: Points) -> Embedding:
    """Histograms of oriented gradients (Dalal and Triggs 2005), each cell by itself, without the outermost cells."""
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    strength, angle = cv2.cartToPolar(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    place = angle * (_DIRECTIONS / (2 * np.pi))
    cells = []
    for direction in range(_DIRECTIONS):
        away = np.abs((place - direction + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2)
        share = np.clip(1 - away, 0, 1) * strength
        cells.append(cv2.resize(share, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA))
    histograms = np.stack(cells, axis=2)
    histograms /= np.linalg.norm(histograms, axis=2, keepdims=True) + _FLOOR
    inner: Embedding = histograms[1:-1, 1:-1].ravel().astype(np.float32)
    return inner
