"""Alignment templates: where a network was trained to see the eyes, the nose and the corners of the mouth.

They are not interchangeable (MODELS.md, trap 7); each recipe names its own.
"""

from enum import StrEnum
from typing import Final

import numpy as np

from livecam.core.frame import Matrix, Points
from livecam.core.geometry import similarity


class Template(StrEnum):
    """By the names the field uses."""

    ARCFACE_112_V1 = "arcface_112_v1"
    ARCFACE_112_V2 = "arcface_112_v2"
    ARCFACE_128 = "arcface_128"
    FFHQ_512 = "ffhq_512"
    MTCNN_512 = "mtcnn_512"


# Eye on the image's left, eye on its right, nose tip, mouth corner left, mouth corner right; of a crop of side 1.
_POINTS: Final = {
    Template.ARCFACE_112_V1: (
        (0.35473214, 0.45658929),
        (0.64526786, 0.45658929),
        (0.50000000, 0.61154464),
        (0.37913393, 0.77687500),
        (0.62086607, 0.77687500),
    ),
    Template.ARCFACE_112_V2: (
        (0.34191607, 0.46157411),
        (0.65653393, 0.45983393),
        (0.50022500, 0.64050536),
        (0.37097589, 0.82469196),
        (0.63151696, 0.82325089),
    ),
    Template.ARCFACE_128: (
        (0.36167656, 0.40387734),
        (0.63696719, 0.40235469),
        (0.50019687, 0.56044219),
        (0.38710391, 0.72160547),
        (0.61507734, 0.72034453),
    ),
    Template.FFHQ_512: (
        (0.37691676, 0.46864664),
        (0.62285697, 0.46912813),
        (0.50123859, 0.61331904),
        (0.39308822, 0.72541100),
        (0.61150205, 0.72490465),
    ),
    Template.MTCNN_512: (
        (0.36562865, 0.46733799),
        (0.63305391, 0.46585885),
        (0.50019127, 0.61942959),
        (0.39032951, 0.77598822),
        (0.61178945, 0.77476328),
    ),
}


def points_of(template: Template, side: int, offset_px: float = 0.0) -> Points:
    """(5, 2) f32 px: where the five points go in a crop of `side` px, shifted by `offset_px` on both axes."""
    return (np.array(_POINTS[template]) * side + offset_px).astype(np.float32)


def align(five: Points, template: Template, side: int, offset_px: float = 0.0) -> Matrix:
    """The matrix, frame px to crop px, that puts `five`, (5, 2) f32, on to the template by least squares.

    Raises:
        ValueError: The points coincide.
    """
    return similarity(five, points_of(template, side, offset_px))
