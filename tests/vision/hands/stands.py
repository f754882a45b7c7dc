"""Hands that need no network: a drawn one, and engines that answer what they are told."""

from collections.abc import Mapping

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.core.seams import Tensor, TensorSpec
from livecam.vision.hands.landmarks import FINGERS
from livecam.vision.hands.outline import Widths, draw, palm_length

# An open right hand, fingers up, its palm one long: wrist, then thumb to little finger.
_SHAPE = [
    *((0, 0), (-0.3, -0.2), (-0.55, -0.5), (-0.7, -0.75), (-0.82, -0.95)),
    *((-0.25, -0.95), (-0.3, -1.35), (-0.32, -1.6), (-0.33, -1.8)),
    *((0, -1), (0, -1.45), (0, -1.75), (0, -1.98)),
    *((0.2, -0.93), (0.23, -1.35), (0.25, -1.62), (0.26, -1.83)),
    *((0.38, -0.82), (0.45, -1.1), (0.49, -1.3), (0.52, -1.48)),
]
SKIN = (110, 150, 215)


def hand_points(wrist: tuple[float, float], length: float, degrees: float = 0.0) -> Points:
    """(21, 3) f32 px: an open hand with a palm of `length` px, turned clockwise about its wrist."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    flat = np.array(_SHAPE) @ np.array([[c, s], [-s, c]]) * length + wrist
    return np.column_stack([flat, np.zeros(len(_SHAPE))]).astype(np.float32)


def hand_mask(points: Points, shape: tuple[int, ...]) -> Image:
    """(H, W) u8: 255 where the hand is."""
    mask = np.zeros(shape[:2], np.uint8)
    draw(mask, np.ascontiguousarray(points[:, :2]), palm_length(points), Widths())
    return mask


def with_hand(image: Image, points: Points, skin: tuple[int, int, int] = SKIN) -> Image:
    """`image` with a drawn hand over it."""
    alpha = (hand_mask(points, image.shape) / 255)[..., None]
    shaded = np.array(skin) * (0.85 + 0.15 * np.linspace(0, 1, image.shape[1]))[None, :, None]
    noisy = image * (1 - alpha) + shaded * alpha + np.random.default_rng(2).normal(0, 3, image.shape)
    drawn: Image = np.clip(noisy, 0, 255).astype(np.uint8)
    for joints in FINGERS:
        line = np.rint(points[list(joints), :2]).astype(np.int32)
        cv2.polylines(drawn, [line], isClosed=False, color=[int(0.8 * v) for v in skin])
    return drawn


class PalmEngine:
    """The palm network, finding what a test planted: `row`, (18,), at anchor `index`."""

    def __init__(self, rows: Mapping[int, tuple[float, Points]] | None = None) -> None:
        self.inputs = {"image": TensorSpec((1, 192, 192, 3), "uint8")}
        self.outputs = {"boxes": TensorSpec((2016, 18), "float32"), "scores": TensorSpec((2016,), "float32")}
        self.rows = rows or {}
        self.runs = 0

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert feeds["image"].shape == (1, 192, 192, 3)
        self.runs += 1
        boxes, scores = np.zeros((2016, 18), np.float32), np.zeros(2016, np.float32)
        for index, (score, row) in self.rows.items():
            scores[index], boxes[index] = score, row
        return {"boxes": boxes, "scores": scores}

    def close(self) -> None:
        return None


class HandEngine:
    """The hand network, seeing the same hand in every crop, with a planted presence."""

    def __init__(self, points: Points | None = None, presence: float = 1.0) -> None:
        self.inputs = {"image": TensorSpec((1, 224, 224, 3), "uint8")}
        self.outputs = {"hand": TensorSpec((21, 3), "float32"), "presence": TensorSpec((1,), "float32")}
        self.points = hand_points((112, 160), 56) if points is None else points
        self.presence = presence
        self.runs = 0

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        assert feeds["image"].shape == (1, 224, 224, 3)
        self.runs += 1
        return {"hand": self.points, "presence": np.array([self.presence], np.float32)}

    def close(self) -> None:
        return None
