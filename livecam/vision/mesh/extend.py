"""Skin for all of the face: where a photo shows hair, a collar or a hand over it, its skin is continued there.

What the persona's photo does not show, the wearer would show through: their temples beside the persona's cheeks, and
the noise of their camera.
"""

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.pose import face_height, mean_row
from livecam.vision.mesh.skin import features
from livecam.vision.mesh.topology import TOPOLOGY

# How far beyond the oval, of its own size: what is drawn is sampled inside it, and smaller levels a little beyond.
_REACH = 1.1
# Of the face height: softness of that edge, and of what is made up.
_EDGE, _SMOOTH = 0.01, 0.02
# Of the face height: around brows, eyes and mouth, which are no skin to be continued.
_FEATURES = 0.08
# Masks are soft at their edge, and hair shows through there: only the upper half of them is skin to go by.
_SURE = 0.5

Plane = npt.NDArray[np.float32]


def extended(image: Image, vertices: Points) -> Image:
    """`image` with skin all over the face.

    Args:
        image: (h, w, 4) u8 BGR and skin mask of a persona's texture; left as it is.
        vertices: (V, >=2) f32 px of it.

    Returns:
        (h, w, 4) u8, a new array: what the mask showed is as it was, the rest of the face is made up of its
        surroundings, and the mask shows it too.
    """
    height = face_height(vertices)
    mask = image[:, :, 3].astype(np.float32) / np.float32(255)
    colours = image[:, :, :3].astype(np.float32)
    seeds = np.clip((mask - _SURE) / (1 - _SURE), 0, 1) * (features(mask.shape, vertices, height, _FEATURES) <= 0)
    if not seeds.any():
        return image.copy()
    made_up = cv2.GaussianBlur(continued(colours * seeds[:, :, None], seeds), (0, 0), _SMOOTH * height)
    face = _face(mask.shape, vertices, height)
    share = (face * (1 - mask))[:, :, None]
    out = np.empty_like(image)
    out[:, :, :3] = np.rint(colours + share * (made_up - colours))
    out[:, :, 3] = np.rint(np.maximum(mask, face) * 255)
    return out


def _face(shape: tuple[int, ...], vertices: Points, height: float) -> Plane:
    """(h, w) f32, 0..1: the oval and a little around it, soft."""
    oval = vertices[TOPOLOGY.oval, :2]
    middle = mean_row(oval)
    reach = np.rint(middle + (oval - middle) * np.float32(_REACH)).astype(np.int32)
    area = np.zeros(shape[:2], dtype=np.float32)
    cv2.fillConvexPoly(area, cv2.convexHull(reach), 1.0)
    return cv2.GaussianBlur(area, (0, 0), max(0.5, _EDGE * height))  # type: ignore[return-value]


def continued(sums: Plane, weight: Plane) -> Plane:
    """(h, w, 3) f32: colours known by `weight` continued over all of the image, from the finest that are near.

    Pull and push (Gortler et al. 1996, section 3.4): averages by weight on ever coarser grids, filled in from coarse to
    fine.

    Args:
        sums: (h, w, 3) f32, colours times weight.
        weight: (h, w) f32, 0..1.
    """
    height, width = weight.shape
    if min(height, width) <= 2 or bool(weight.min() >= 1):
        return np.asarray(sums / np.maximum(weight, 1e-6)[:, :, None], np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    fewer, lighter = (cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in (sums, weight))
    # A coarse cell that is known by a quarter is known.
    known = np.asarray(np.minimum(4 * lighter, 1), np.float32)
    coarse = continued(np.asarray(fewer * (known / np.maximum(lighter, 1e-6))[:, :, None], np.float32), known)
    rest = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    filled: Plane = sums + rest * (1 - weight)[:, :, None]
    return filled
