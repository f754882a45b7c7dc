"""A drawn head with a back: the built-in persona's picture on its own proportions, and a plain skull behind it.

The demo wearer is a relief, which from the side has no nose. This one turns as a head does, hidden parts behind.
"""

from itertools import pairwise

import cv2
import numpy as np

from livecam.core.frame import Image
from livecam.vision.portrait.assets import PERSONA_VIEW, persona_photo
from livecam.vision.portrait.geometry import OVAL, Ints, canonical, f32, proportioned
from livecam.vision.portrait.raster import rasterise
from livecam.vision.portrait.recipe import PERSONA
from livecam.vision.portrait.render import landmarks_px

WIDTH, HEIGHT = 640, 480
_FACE_PX = 200
_FOREHEAD, _CHIN, _CHEEK = 10, 152, 50
# Rings of the skull behind the face's oval: how wide, of the oval, and how far behind it, in face heights.
_RINGS = ((1.06, 0.04), (1.12, 0.10), (1.18, 0.30), (1.10, 0.50), (0.85, 0.68), (0.45, 0.78), (0.02, 0.80))
_PIVOT = 0.35
_ROOM, _NOISE = 110, 1.5


class SolidHead:
    """The head, in face heights about the point that it turns on: x right, y up, z to the viewer."""

    def __init__(self) -> None:
        face, uv = proportioned(PERSONA.face), landmarks_px(PERSONA, PERSONA_VIEW)
        face = f32(face / np.linalg.norm(face[_FOREHEAD] - face[_CHIN]))
        oval = face[list(OVAL)]
        middle = oval.mean(axis=0)
        # Above the jaw the skull has the hair's colour, and it goes less far back below.
        low = oval[:, 1] < middle[1] - 0.12
        hair = uv[_FOREHEAD] + (uv[_FOREHEAD] - uv[_CHIN]) * 0.12
        behind = np.where(low[:, None], uv[_CHEEK], hair)
        rings = [
            np.column_stack([middle[:2] + (oval[:, :2] - middle[:2]) * out, oval[:, 2] - back * np.where(low, 0.45, 1)])
            for out, back in _RINGS
        ]
        self._vertices = f32(np.vstack([face, *rings]) - middle + [0, 0, _PIVOT])
        self._uv = f32(np.vstack([uv, *[behind] * len(_RINGS)]))
        self._triangles = np.vstack([canonical().triangles, _strips(len(face))]).astype(np.int32)
        self._photo = persona_photo()

    def turned(self, yaw: float) -> Image:
        """(480, 640, 3) u8 BGR: the head turned by `yaw` degrees, positive to the image's right, in a grey room."""
        cosine, sine = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        x, y, z = self._vertices.T * _FACE_PX
        points = np.column_stack([cosine * x + sine * z + WIDTH / 2, HEIGHT / 2 - y])
        found = rasterise(f32(points), f32(cosine * z - sine * x), self._uv, self._triangles, (HEIGHT, WIDTH))
        there = np.isfinite(found[..., 0])
        where = np.nan_to_num(found).astype(np.float32)
        head = cv2.remap(self._photo, where, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        share = cv2.GaussianBlur(there.astype(np.float32), (0, 0), 1.0)[..., None]
        noise = np.random.default_rng(round(abs(yaw) * 10)).normal(0, _NOISE, head.shape)
        image: Image = np.clip(_ROOM + share * (head - float(_ROOM)) + noise, 0, 255).astype(np.uint8)
        return image


def _strips(first: int) -> Ints:
    """The triangles between the oval, the rings whose vertices begin at `first`, and each other."""
    count = len(OVAL)
    rings = [np.array(OVAL), *(np.arange(first + k * count, first + (k + 1) * count) for k in range(len(_RINGS)))]
    parts = []
    for inner, outer in pairwise(rings):
        after, beyond = np.roll(inner, -1), np.roll(outer, -1)
        parts += [np.column_stack([inner, after, outer]), np.column_stack([after, outer, beyond])]
    return np.vstack(parts).astype(np.int32)
