"""Makes a mesh identity of photos: find the one face, judge it, cut it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Final

import numpy as np

from livecam.core.face import Detection
from livecam.core.frame import Image, Points
from livecam.core.seams import Detector
from livecam.errors import PhotoRefused
from livecam.vision.mesh.judge import judge
from livecam.vision.mesh.landmarks import MeshLandmarker, Roi
from livecam.vision.mesh.source import MeshIdentity, Photo, prepare
from livecam.vision.mesh.store import FORMAT, load, save

VERSION: Final = f"mesh-3.{FORMAT}"
"""Changes whenever the same photos would give another identity."""

_SCORE = 0.5
_SURE = 0.5
_ROUNDS = 3
# Two detections whose boxes overlap more than this are one face seen by both detectors.
_SAME_FACE_IOU = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class KeptMesh(MeshIdentity):
    """A mesh identity that knows how to be kept in a file, as the persona library wants it."""

    @classmethod
    def of(cls, mesh: MeshIdentity) -> "KeptMesh":
        """The same identity, able to be kept."""
        return cls(mesh.levels, mesh.cosines, mesh.shape)

    def save(self, file: IO[bytes]) -> None:
        """Write it into `file`.

        Raises:
            OSError: The disk refused.
        """
        save(self, file)


class MeshPreparer:
    """Prepares photos for the mesh engine. Networks are loaded when the first photo comes. One thread.

    Args:
        near: Builds the short-range detector.
        far: Builds the full-range detector; a face in a group or full-length photo is small.
        landmarker: Builds the landmarker.
    """

    version: str = VERSION

    def __init__(
        self, near: Callable[[], Detector], far: Callable[[], Detector], landmarker: Callable[[], MeshLandmarker]
    ) -> None:
        self._make_near = near
        self._make_far = far
        self._make_landmarker = landmarker

    @cached_property
    def _detectors(self) -> tuple[Detector, Detector]:
        return self._make_near(), self._make_far()

    @cached_property
    def _landmarker(self) -> MeshLandmarker:
        return self._make_landmarker()

    def prepare(self, images: Sequence[Image], names: Sequence[str]) -> KeptMesh:
        """Make an identity of upright (H, W, 3) u8 BGR photos of one person; `names` are for messages.

        Raises:
            PhotoRefused: A photo has no face, several, or none that is fit; the sentence names it.
        """
        return KeptMesh.of(prepare([self._photo(image, name) for image, name in zip(images, names, strict=True)]))

    def load(self, file: IO[bytes]) -> KeptMesh:
        """Read what `KeptMesh.save` wrote.

        Raises:
            PersonaError: The file is missing, damaged or of another version.
        """
        return KeptMesh.of(load(file))

    def advice(self, image: Image) -> list[str]:
        """What would make a better photo; empty when nothing.

        Raises:
            PhotoRefused: The photo cannot serve.
        """
        points, faces = self._face(image)
        return judge(image, points, faces)

    def _photo(self, image: Image, name: str) -> Photo:
        points, faces = self._face(image)
        try:
            judge(image, points, faces)
        except PhotoRefused as refusal:
            raise PhotoRefused(f"{name}: {refusal.what}", refusal.next_step) from None
        assert points is not None, "judge() refuses a photo without a face"
        return image, points

    def _face(self, image: Image) -> tuple[Points | None, int]:
        """Landmarks (478, 3) f32 px of the largest face, and how many faces there are."""
        found = [detection for detector in self._detectors for detection in detector(image, _SCORE)]
        faces: list[Detection] = []
        for detection in sorted(found, key=lambda detection: -detection.box.area):
            if all(detection.box.iou(face.box) <= _SAME_FACE_IOU for face in faces):
                faces.append(detection)
        if not faces:
            return None, 0
        return self._settled(image, Roi.from_detection(faces[0])), len(faces)

    def _settled(self, image: Image, roi: Roi) -> Points | None:
        """The landmarks after a few rounds, each from the region of the one before; None when there is no face."""
        fit = self._landmarker(image, roi)
        for _ in range(_ROUNDS - 1):
            if fit.presence < _SURE or not np.isfinite(fit.points).all():
                return None
            fit = self._landmarker(image, Roi.from_points(fit.points))
        return fit.points.copy()
