"""Pictures that adapters look at: a face cut out for PuLID and CLIP, and the five points for a control network."""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.studio.terms import Likeness, Mask
from livecam.vision.template import Template, align

FACE: Final = 512
"""Side of the face that PuLID is given, px, on the template of the restorers (facexlib ``FaceRestoreHelper``)."""

GREY: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (pulid/pipeline_flux.py ``to_gray``)."""

COLOURS: Final = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""Of the five points, RGB, as InstantID and InfiniteYou were trained with (``draw_kps``)."""

STICKS: Final = ((0, 2), (1, 2), (3, 2), (4, 2))
STICK, DOT, DIM = 4, 10, 0.6
"""Half the width of a stick, px; radius of a point, px; and how bright sticks are."""


Picture: TypeAlias = npt.NDArray[np.float32]
"""(S, S, 3) f32 RGB in 0..1."""


def faces_of(likeness: Likeness, most: int) -> list[Picture]:
    """Up to `most` faces of a person as PuLID was trained to see them, 512 px.

    Aligned, grey, and white outside the face and hair (pulid/pipeline_flux.py ``get_id_embedding``). Without a parsed
    region the face is what lies inside an oval about its five points.
    """
    regions: Sequence[Mask | None] = likeness.regions or (None,) * len(likeness.photos)
    pairs = list(zip(likeness.photos, likeness.fives, regions, strict=True))
    return [_face(photo, five, region) for photo, five, region in pairs[:most]]


def _face(photo: Image, five: Points, region: Mask | None) -> Picture:
    matrix = align(five, Template.FFHQ_512, FACE)
    face = cut(photo, matrix).astype(np.float32) / 255
    inside = _oval(transform(matrix, five)) if region is None else _warp(region, matrix)
    grey = face @ np.array(GREY, np.float32)
    return np.repeat(np.where(inside > 127, grey, np.float32(1))[..., None], 3, axis=2)


def cut(photo: Image, matrix: Matrix) -> Image:
    """(512, 512, 3) u8 RGB: the face of `photo`, (H, W, 3) u8 BGR."""
    grey = (135, 133, 132)  # what facexlib puts where the photo ends
    size = (FACE, FACE)
    found = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR, borderValue=grey)
    return np.ascontiguousarray(found[..., ::-1], np.uint8)


def _warp(region: Mask, matrix: Matrix) -> Mask:
    return np.asarray(cv2.warpAffine(region, matrix, (FACE, FACE), flags=cv2.INTER_LINEAR), np.uint8)


def _oval(five: Points) -> Mask:
    """A face's usual outline about `five`, (5, 2) f32 px of a face of `FACE` px."""
    eyes, mouth = five[:2].mean(axis=0), five[3:].mean(axis=0)
    middle, height = (eyes + mouth) / 2, float(np.linalg.norm(mouth - eyes))
    mask = np.zeros((FACE, FACE), np.uint8)
    centre = int(middle[0]), int(middle[1] - height * 0.2)
    cv2.ellipse(mask, centre, (int(height * 1.05), int(height * 1.35)), 0, 0, 360, 255, -1)
    return mask


def seen(faces: Sequence[Picture], side: int, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """`faces` as an eye's input: (B, 3, side, side) f32."""
    pictures = torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2)
    pictures = functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True)
    low, spread = (torch.tensor(part)[:, None, None] for part in (mean, std))
    return (pictures - low) / spread


def draw_five(five: Points, side: int) -> npt.NDArray[np.uint8]:
    """(side, side, 3) u8 RGB: the five points and four sticks between them, on black.

    Args:
        five: (5, 2) f32 px: eyes, nose tip, mouth corners.
        side: Of the picture, px.
    """
    picture = np.zeros((side, side, 3), np.uint8)
    for start, end in STICKS:
        across = five[start] - five[end]
        middle = five[[start, end]].mean(axis=0)
        angle = math.degrees(math.atan2(float(across[1]), float(across[0])))
        half = int(np.linalg.norm(across) / 2), STICK
        outline = cv2.ellipse2Poly((int(middle[0]), int(middle[1])), half, int(angle), 0, 360, 1)
        cv2.fillConvexPoly(picture, np.array(outline), COLOURS[start])
    picture = (picture * DIM).astype(np.uint8)
    for point, colour in zip(five, COLOURS, strict=True):
        cv2.circle(picture, (int(point[0]), int(point[1])), DOT, colour, -1)
    return picture
