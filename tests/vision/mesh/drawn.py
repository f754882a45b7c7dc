"""A face without a photo: the canonical mesh posed in a frame, and a picture painted on to it."""

import cv2
import numpy as np

from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import Frame, Image, Points
from livecam.core.persona import Basis, Consent, Persona
from livecam.vision.mesh.engine import IDENTITY
from livecam.vision.mesh.pose import Rows
from livecam.vision.mesh.source import MeshIdentity, prepare
from livecam.vision.mesh.topology import LANDMARKS, TOPOLOGY

SHAPE = (360, 480, 3)
SKIN = (120, 150, 200)


def neutral() -> Rows:
    """(468, 3) f64: the canonical face with eyes a little open, pose-free."""
    shape = TOPOLOGY.canonical.astype(np.float64)
    for upper, lower in TOPOLOGY.lid_pairs:
        shape[upper, 1] -= 0.012
        shape[lower, 1] += 0.012
    return shape


def points_of(
    shape: Rows, yaw: float = 0.0, height: float = 220.0, centre: tuple[float, float] = (240.0, 180.0)
) -> Points:
    """(478, 3) f32 px: `shape` turned by `yaw` degrees to the image's right, `height` px tall, irises in the middle."""
    angle = np.radians(yaw)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    points = (shape @ turn.T * height + (*centre, 0)).astype(np.float32)
    irises = [np.repeat(points[eye].mean(axis=0, keepdims=True), 5, axis=0) for eye in TOPOLOGY.eyes]
    return np.concatenate([points, *irises])


def open_mouth(shape: Rows, gap: float) -> Rows:
    """`shape` with the lower lip and the chin side of the mouth `gap` face heights lower."""
    opened = shape.copy()
    opened[TOPOLOGY.lip_pair.lower, 1] += gap
    return opened


def picture_of(points: Points, skin: tuple[int, int, int] = SKIN, shape: tuple[int, ...] = SHAPE) -> Image:
    """(H, W, 3) u8: a face in the colour of skin with eyes, brows and lips, slightly shaded, on grey."""
    image = np.full(shape, 90, dtype=np.uint8)
    cv2.fillPoly(image, [_whole(points[TOPOLOGY.oval])], skin, cv2.LINE_AA)
    cv2.fillPoly(image, [cv2.convexHull(_whole(points[TOPOLOGY.lips]))], (90, 90, 190), cv2.LINE_AA)
    for eye, iris in zip(TOPOLOGY.eyes, (468, 473), strict=True):
        cv2.fillPoly(image, [_whole(points[eye])], (230, 230, 230), cv2.LINE_AA)
        cv2.circle(image, [int(v) for v in points[iris, :2]], 3, (60, 40, 20), -1, cv2.LINE_AA)
    noise = np.random.default_rng(7).integers(-6, 7, image.shape)
    noisy: Image = np.clip(cv2.GaussianBlur(image, (0, 0), 1) + noise, 0, 255).astype(np.uint8)
    return noisy


def face_of(points: Points, track_id: int = 1) -> Face:
    """The tracked face with these landmarks."""
    flat = np.ascontiguousarray(points[:, :2])
    landmarks = Landmarks(flat, Topology.MESH468)
    return Face(box_of(flat[:LANDMARKS]), landmarks, np.ascontiguousarray(points[:, 2]), 1.0, track_id)


def persona_of(identity: object, name: str = "drawn") -> Persona:
    """A persona with that mesh data."""
    return Persona(name, {IDENTITY: identity}, Consent(Basis.SYNTHETIC, "", "2026-01-01T00:00:00Z", ()), name)


def drawn_identity(skin: tuple[int, int, int] = SKIN) -> MeshIdentity:
    """The mesh data of the drawn face."""
    points = points_of(neutral(), height=300.0, centre=(300.0, 240.0))
    return prepare([(picture_of(points, skin, (520, 600, 3)), points)])


def frame_of(image: Image) -> Frame:
    """A frame around `image`."""
    return Frame(image, 1, 0)


def _whole(points: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.rint(points[:, :2]).astype(np.int32)
