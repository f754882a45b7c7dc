"""How the studio sees faces: with the embedded networks of the live path, in pictures of any size."""

from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np

from livecam.app.stills.regions import Regions
from livecam.app.stills.telling import Teller
from livecam.core.face import Box, Detection, Face, Landmarks, Topology, box_of
from livecam.core.frame import Image, Points
from livecam.core.seams import Detector
from livecam.vision.mesh.landmarks import MeshLandmarker, Roi
from livecam.vision.recognise import Embedding

_SCORE: Final = 0.5
_SURE: Final = 0.5
_ROUNDS: Final = 3
_SAME_IOU: Final = 0.3
"""Two boxes that overlap more are one face, seen by two detectors."""

_LARGE_PX: Final = 1000
_TILES: Final = (0.0, 0.25, 0.5)
"""In a picture larger than that, faces too small for the detectors are looked for in halves of it as well."""


class StillFaces:
    """Faces in stills. One thread.

    Args:
        detectors: Near and far.
        landmarker: Finds the mesh.
        teller: Says who somebody is.
        regions: Say what of a face may be made anew.
    """

    def __init__(
        self, detectors: tuple[Detector, ...], landmarker: MeshLandmarker, teller: Teller, regions: Regions
    ) -> None:
        self._detectors = detectors
        self._landmarker = landmarker
        self._teller = teller
        self._regions = regions

    @property
    def told(self) -> str:
        """By what faces are told apart."""
        return self._teller.told

    @property
    def knows(self) -> bool:
        """Whether that is a real recogniser."""
        return self._teller.knows

    @property
    def lacks(self) -> str:
        """What is drawn over for want of a network, in a sentence; "" for nothing."""
        return self._regions.lacks

    def find(self, image: Image) -> tuple[Face, ...]:
        """All faces in `image`, (H, W, 3) u8 BGR, with mesh landmarks, largest first.

        Where the whole picture shows none, and it is large, its halves are searched too.

        Raises:
            ContractError, EngineError: A network failed.
        """
        found = self._faces(image, self._detected(image))
        if not found and max(image.shape[:2]) > _LARGE_PX:
            found = self._faces(
                image, [_moved(one, left, top) for part, left, top in _tiles(image) for one in self._detected(part)]
            )
        return tuple(found)

    def embed(self, image: Image, five: Points) -> Embedding:
        """(512,) f32 of length 1: who the face at `five`, (5, 2) f32 px, is.

        Raises:
            ContractError, EngineError: The network failed.
        """
        return self._teller(image, five)

    def region(self, crop: Image, face: Face) -> Image:
        """(S, S) u8: 255 where `crop`, (S, S, 3) u8 BGR, shows the bare `face`, whose px are the crop's.

        Raises:
            FaceUncovered: Too little of it is to be seen.
            ContractError, EngineError: A network failed.
        """
        return self._regions(crop, face)

    def looks(self, photo: Image, five: Points) -> Image | None:
        """(H, W) u8: 255 where `photo` shows the face at `five`, or its hair; None without a parser.

        Raises:
            ContractError, EngineError: It failed.
        """
        return self._regions.looks(photo, five)

    def _detected(self, image: Image) -> list[Detection]:
        return [detection for detector in self._detectors for detection in detector(image, _SCORE)]

    def _faces(self, image: Image, detections: list[Detection]) -> list[Face]:
        faces: list[Face] = []
        for detection in sorted(detections, key=lambda one: -one.box.area):
            if any(detection.box.iou(face.box) > _SAME_IOU for face in faces):
                continue
            face = self._settled(image, detection, len(faces) + 1)
            if face is not None and all(face.box.iou(other.box) <= _SAME_IOU for other in faces):
                faces.append(face)
        return sorted(faces, key=lambda face: -face.box.area)

    def _settled(self, image: Image, detection: Detection, number: int) -> Face | None:
        """The face after a few rounds, each from the region of the one before; None when there is none."""
        fit = self._landmarker(image, Roi.from_detection(detection))
        for _ in range(_ROUNDS - 1):
            if fit.presence < _SURE:
                return None
            fit = self._landmarker(image, Roi.from_points(fit.points))
        if fit.presence < _SURE:
            return None
        points = fit.points
        flat = np.ascontiguousarray(points[:, :2])
        return Face(box_of(points), Landmarks(flat, Topology.MESH468), points[:, 2].copy(), fit.presence, number)


def _tiles(image: Image) -> Iterator[tuple[Image, int, int]]:
    """Nine halves of `image` that overlap by half, each with its left and its top, px of the whole."""
    height, width = image.shape[:2]
    for down, across in product(_TILES, _TILES):
        top, left = round(down * height), round(across * width)
        yield np.ascontiguousarray(image[top : top + height // 2, left : left + width // 2]), left, top


def _moved(detection: Detection, left: int, top: int) -> Detection:
    x1, y1, x2, y2 = detection.box
    points = detection.landmarks.points + np.array([left, top], np.float32)
    moved = Landmarks(points, detection.landmarks.topology)
    return Detection(Box(x1 + left, y1 + top, x2 + left, y2 + top), moved, detection.score)
