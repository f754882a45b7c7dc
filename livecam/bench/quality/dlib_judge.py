"""dlib's recogniser as the judge. Nothing of livecam takes part in its verdicts.

It needs the packages of the dependency group ``judges``. The package that carries its networks is not imported, since
it needs a module that newer Pythons lack; only its files are read.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import cv2
import dlib
import numpy as np

from livecam.bench.quality.judge import Descriptor
from livecam.core.frame import Image, Points

SAME_PERSON: Final = 0.6
"""Two descriptors closer than this are one person: the network's own threshold (King 2017, 99.4 % on LFW)."""

_PACKAGE: Final = "face_recognition_models"
_SHAPE: Final = "shape_predictor_68_face_landmarks.dat"
_DESCRIPTOR: Final = "dlib_face_recognition_resnet_model_v1.dat"
# Mesh landmarks whose box, cut as here, is about the box dlib's own detector would give.
_MESH_ROWS: Final = 468
_HALF_WIDTH, _TOP, _BOTTOM = 0.5, 0.12, 0.02
_INNER_LIPS: Final = ((61, 67), (62, 66), (63, 65))
_EYE_CORNERS: Final = (36, 45)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge sees in a face.

    Attributes:
        points: (68, 2) f32 px, dlib's landmarks.
        descriptor: Who it is, (128,) f64.
    """

    points: Points
    descriptor: Descriptor

    def distance(self, other: "Verdict") -> float:
        """How unlike the two are; the same person below `SAME_PERSON`."""
        return float(np.linalg.norm(self.descriptor - other.descriptor))

    @property
    def mouth_opening(self) -> float:
        """Mean gap of the inner lips over the distance of the outer eye corners."""
        gaps = [float(np.linalg.norm(self.points[upper] - self.points[lower])) for upper, lower in _INNER_LIPS]
        left, right = _EYE_CORNERS
        return float(np.mean(gaps)) / float(np.linalg.norm(self.points[left] - self.points[right]))


class DlibJudge:
    """dlib's detector, 68 landmarks and 128-number descriptor; a `Judge`. One thread.

    Raises:
        FileNotFoundError: Its networks are not installed.
    """

    name: Final = "dlib"
    same_person: Final = SAME_PERSON

    def __init__(self) -> None:
        folder = _folder()
        self._detector = dlib.get_frontal_face_detector()
        self._shape = dlib.shape_predictor(str(folder / _SHAPE))
        self._network = dlib.face_recognition_model_v1(str(folder / _DESCRIPTOR))

    def __call__(self, image: Image, mesh: Points) -> Verdict:
        """Judge the face at `mesh`.

        Args:
            image: (H, W, 3) u8 BGR.
            mesh: (N, >=2) f32 px, N >= 468. Give the wearer's for input and output alike, so that both are cut out
                in the same way.
        """
        rgb = _rgb(image)
        shape = self._shape(rgb, _rectangle(mesh))
        points = np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float32)
        return Verdict(points, np.array(self._network.compute_face_descriptor(rgb, shape)))

    def describe(self, image: Image, mesh: Points) -> Descriptor:
        """See `Judge`."""
        return self(image, mesh).descriptor

    def distance(self, one: Descriptor, other: Descriptor) -> float:
        """See `Judge`: the Euclidean distance."""
        return float(np.linalg.norm(one - other))

    def finds_face(self, image: Image) -> bool:
        """Whether dlib's own detector finds a face anywhere in `image`, (H, W, 3) u8 BGR."""
        return len(self._detector(_rgb(image), 0)) > 0


def _folder() -> Path:
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise FileNotFoundError(f"{_PACKAGE} is not installed; it belongs to the dependency group judges.")
    return Path(places[0]) / "models"


def _rgb(image: Image) -> Image:
    return np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _rectangle(mesh: Points) -> dlib.rectangle:
    low, high = mesh[:_MESH_ROWS, :2].min(axis=0), mesh[:_MESH_ROWS, :2].max(axis=0)
    height = float(high[1] - low[1])
    middle = float(low[0] + high[0]) / 2
    left, right = middle - _HALF_WIDTH * height, middle + _HALF_WIDTH * height
    return dlib.rectangle(int(left), int(low[1] + _TOP * height), int(right), int(high[1] + _BOTTOM * height))
