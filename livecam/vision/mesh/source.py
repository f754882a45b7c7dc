"""A persona as the mesh engine wears it: a texture with landmarks, at several sizes, and a neutral shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.vision.mesh.atlas import atlas_of
from livecam.vision.mesh.extend import extended
from livecam.vision.mesh.lids import Lid, lids_of
from livecam.vision.mesh.lips import line_between
from livecam.vision.mesh.pose import Rows, face_height
from livecam.vision.mesh.shape import ShapeTransfer
from livecam.vision.mesh.skin import skin_mask
from livecam.vision.mesh.topology import TOPOLOGY, facing
from livecam.vision.mesh.whites import Eye, eyes_of, white_of

_STEP = 1.5
_SMALLEST_SIDE = 200
_ROOM = 0.15
# Face height of the largest level, px: what a 1080p call can show; smaller photos are enlarged once, here, and well.
_TALLEST, _SHORTEST = 900.0, 420.0
_LARGEST_ZOOM = 2.5
_SHRINK_BELOW = 0.95

Photo: TypeAlias = tuple[Image, Points]
"""One photo, (H, W, 3) u8 BGR, and its (478, 3) f32 landmarks, px."""


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """One size of a persona's face.

    Attributes:
        image: (h, w, 4) u8: blue, green, red, and 255 where it may be shown.
        vertices: (V, 2) f32 px of `image`: where each mesh vertex takes its colour from.
        face_px: Height of the face, px.
        lids: The eyes of `image`, left then right, closed; empty where they are too small for it.
        white: (3,) f32: the colour of the whites of its eyes, blue, green, red.
        eyes: Where its eyes are, left then right; empty where they are outside.
        lips: (36, 2) f32 px: how far its lower lip is moved for a wide mouth, see `line_between`.
    """

    image: Image
    vertices: Points
    face_px: float
    lids: tuple[Lid, ...]
    white: Points
    eyes: tuple[Eye, ...]
    lips: Points


@dataclass(frozen=True, slots=True, eq=False)
class MeshIdentity:
    """What ``Persona.identity["mesh"]`` holds.

    Attributes:
        levels: The texture, largest first, each smaller by a factor.
        cosines: (T,) f32: how squarely the photo saw each triangle, 1 from the front.
        shape: (468, 3) f64: the face with the pose taken out.
    """

    levels: tuple[Texture, ...]
    cosines: Points
    shape: Rows

    def level(self, face_px: float) -> Texture:
        """The smallest texture that a face `face_px` tall needs no enlarging of."""
        for texture in reversed(self.levels):
            if texture.face_px >= _SHRINK_BELOW * face_px:
                return texture
        return self.levels[0]


def prepare(photos: Sequence[Photo]) -> MeshIdentity:
    """Make a persona's texture.

    One photo is used as it is; several of one person are merged, each where it saw the face best.

    Args:
        photos: At least one, each passed by `judge.judge`; the first decides light and colour.

    Raises:
        ValueError: There is no photo.
    """
    if not photos:
        raise ValueError("prepare() needs at least one photo.")
    faces = [cut_face(image, points) for image, points in photos]
    transfer = ShapeTransfer(TOPOLOGY)
    shape: Rows = np.mean([transfer.shape_of(points) for _, points in photos], axis=0)
    if len(faces) > 1:
        atlas = atlas_of(faces)
        return identity_of(extended(atlas.image, atlas.vertices), atlas.vertices, atlas.cosines, shape)
    ((image, points),) = faces
    vertices = TOPOLOGY.extend(points)
    drawn = TOPOLOGY.inset(vertices)[:, :2]
    return identity_of(extended(image, drawn), drawn, facing(TOPOLOGY, vertices), shape)


def identity_of(image: Image, vertices: Points, cosines: Points, shape: Rows) -> MeshIdentity:
    """The identity with all the smaller levels of `image`, (h, w, 4) u8, and (V, 2) f32 `vertices`."""
    levels = []
    image, vertices = np.ascontiguousarray(image), np.ascontiguousarray(vertices, dtype=np.float32)
    while True:
        lids, white = lids_of(image, vertices), white_of(image, vertices)
        eyes = eyes_of(image, vertices, white)
        lips = line_between(image, vertices)
        levels.append(Texture(image, vertices, face_height(vertices), lids, white, eyes, lips))
        if max(image.shape[:2]) < _SMALLEST_SIDE:
            return MeshIdentity(tuple(levels), cosines, shape)
        image, vertices = _resized(image, vertices, 1 / _STEP)


def cut_face(image: Image, points: Points) -> Photo:
    """The face cut out of a photo, with room for the outer ring, in a useful size, and its landmarks.

    Returns:
        ((h, w, 4) u8 BGR and skin mask, (478, 3) f32 px of it).
    """
    zoom = float(np.clip(face_height(points), _SHORTEST, _TALLEST)) / face_height(points)
    ring = TOPOLOGY.extend(points)[:, :2]
    low, high = ring.min(axis=0), ring.max(axis=0)
    room = _ROOM * (high - low)
    left, top = np.floor(low - room).astype(int).tolist()
    right, bottom = np.ceil(high + room).astype(int).tolist()
    crop = _padded(image, left, top, right, bottom)
    moved = points - np.array([left, top, 0], dtype=np.float32)
    if abs(zoom - 1) > 0.01:
        crop, moved = _resized(crop, moved, min(zoom, _LARGEST_ZOOM))
    return np.dstack([crop, skin_mask(crop, moved)]), moved


def _padded(image: Image, left: int, top: int, right: int, bottom: int) -> Image:
    """The box of `image`, continued by reflection where it reaches outside."""
    height, width = image.shape[:2]
    inside = image[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    edges = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    return cv2.copyMakeBorder(inside, *edges, cv2.BORDER_REFLECT_101)  # type: ignore[return-value]


def _resized(image: Image, points: Points, zoom: float) -> Photo:
    """`image` resized by about `zoom`, and `points` of it, px counted from the middle of the first."""
    height, width = max(1, round(image.shape[0] * zoom)), max(1, round(image.shape[1] * zoom))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    resized: Image = cv2.resize(image, (width, height), interpolation=method)  # type: ignore[assignment]
    moved = points.copy()
    scale = np.array([width / image.shape[1], height / image.shape[0]], dtype=np.float32)
    moved[:, :2] = (points[:, :2] + np.float32(0.5)) * scale - np.float32(0.5)
    moved[:, 2:] *= np.float32(zoom)
    return resized, moved
