"""Lips that part: what a photo of a closed mouth has between its lips is not drawn around an open one.

Where lips meet, a photo shows a dark line, and the landmarks of the inner lips lie on it or beside it: those of the
lower lip above it, by up to half a lip. Stretched around the wearer's open mouth it would be a dark ring that slides
over the lips as they move. So it is looked for in the photo where the lower lip itself begins.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.frame import Image, Points
from livecam.vision.mesh.pose import mean_length
from livecam.vision.mesh.topology import TOPOLOGY, Indices

# The next rows from the mouth's opening outwards, one for each of `MeshTopology.lip_pair`.
_UPPER_NEXT: Final = (183, 42, 41, 38, 12, 268, 271, 272, 407)
_LOWER_NEXT: Final = (96, 89, 179, 86, 15, 316, 403, 319, 325)
_INNER: Final[Indices] = np.concatenate(TOPOLOGY.lip_pair)
_NEXT: Final[Indices] = np.array(_UPPER_NEXT + _LOWER_NEXT, dtype=np.int32)
# How much of the way to those is left out between lips that are a little apart. What is seen of the line there also
# tells how far they are apart, and who it is.
_LEFT_OUT = 0.8
# (4, 9): nine lines over the lower lip, one below the other from the mouth's opening to the lip's outer edge.
_LOWER: Final[Indices] = np.stack(
    (
        TOPOLOGY.lip_pair.lower,
        _LOWER_NEXT,
        (77, 90, 180, 85, 16, 315, 404, 320, 307),
        (146, 91, 181, 84, 17, 314, 405, 321, 375),
    )
)
# How far along those lines the lip is looked for, of their length: beside the corners of the mouth, its outer edge lies
# above the line between the lips too, in each of five photos.
_REACH: Final = np.array((1.7, *[1.0] * 7, 1.7), dtype=np.float32)
# Places looked at, of the reach; those that are surely lip or skin, and how much of them, %, is darker than that is.
_PLACES: Final = np.linspace(-0.2, 0.9, 23, dtype=np.float32)
_LIP_FROM, _LIP_PERCENT = 0.3, 60
# How much darker than the lip, of its lightness, what lies between lips is at least; and which part of the way from
# its darkest to the lip's lightness is still taken for it.
_DARKER, _STILL_DARK = 0.15, 0.6
# Of the reach: what is left out beside what was found, since its edge is soft; at least, and at most. Of the line: the
# least that is left of the lip.
_BESIDE, _LEAST, _MOST = 0.05, 0.27, 0.75
_LEAST_LIP: Final = 0.25
# The gaps of the lips, in face heights, from which and to which that little is left out, and all that was found.
_LITTLE, _WIDE = (0.004, 0.03), (0.08, 0.15)

_Lights: TypeAlias = npt.NDArray[np.float32]


def line_between(image: Image, vertices: Points) -> Points:
    """(36, 2) f32 px: how far a texture's lower lip is moved for a wide mouth, beside what is left out of any open one.

    Args:
        image: (h, w, >=3) u8 BGR, the texture.
        vertices: (V, 2) f32 px of it.
    """
    lip = vertices[_LOWER]
    inner, way = lip[0], lip[-1] - lip[0]
    places = inner[:, None] + (way * _REACH[:, None])[:, None] * _PLACES[:, None]
    flat = places.reshape(1, -1, 2)
    seen = cv2.remap(image, flat, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, :, :3]  # type: ignore[call-overload]
    light = cv2.cvtColor(np.ascontiguousarray(seen), cv2.COLOR_BGR2GRAY).astype(np.float32).reshape(places.shape[:2])
    found = _beginnings(light)
    beside = np.pad(found, 1, mode="edge")
    smooth = (beside[:-2] + 2 * found + beside[2:]) / np.float32(4)
    begins = np.clip(np.maximum(smooth, found) + np.float32(_BESIDE), _LEAST, _MOST) * _REACH
    ends = np.maximum(begins + np.float32(_LEAST_LIP), 1)
    along = ((lip - inner) * way).sum(axis=2) / np.maximum((way * way).sum(axis=1), np.float32(1e-6))
    moved = (begins + (ends - begins - 1) * along)[:, :, None] * way
    moved[0] -= np.float32(_LEFT_OUT) * (lip[1] - inner)
    away: Points = moved.reshape(-1, 2).astype(np.float32)
    return away


def _beginnings(light: _Lights) -> _Lights:
    """(9,) f32: where along its line the lip begins, told from (9, P) f32 lightness at `_PLACES`."""
    lip = np.percentile(light[:, _PLACES >= _LIP_FROM], _LIP_PERCENT, axis=1)
    near = _PLACES <= _MOST
    dark = light[:, near].min(axis=1)
    threshold = dark + _STILL_DARK * (lip - dark)
    between = (light < threshold[:, None]) & near & (dark < (1 - _DARKER) * lip)[:, None]
    found: _Lights = np.where(between, _PLACES, np.float32(0)).max(axis=1)
    return found


def parted(texture: Points, away: Points, shown: Points, height: float) -> Points:
    """Where a face with its mouth as open as that of `shown` takes its colours from.

    Args:
        texture: (V, 2) f32 px of the texture.
        away: From `line_between`, of the same texture.
        shown: (V, >=2) f32 px of the frame: the face being drawn.
        height: Of that face, px.

    Returns:
        (V, 2) f32 px of the texture: `texture` itself while the mouth is shut, else a new array.
    """
    upper, lower = TOPOLOGY.lip_pair
    gap = mean_length(shown[upper, :2] - shown[lower, :2]) / height
    little, wide = (np.float32(min(1.0, max(0.0, (gap - low) / (high - low)))) for low, high in (_LITTLE, _WIDE))
    if little <= 0:
        return texture
    moved = texture.copy()
    moved[_INNER] += np.float32(_LEFT_OUT) * little * (texture[_NEXT] - texture[_INNER])
    if wide > 0:
        moved[_LOWER.ravel()] += wide * away
    return moved
