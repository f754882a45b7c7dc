"""Faces planted into a detector's outputs, the way its training would have put them there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from livecam.core.frame import Size
from livecam.core.seams import Tensor
from tests.vision.roles import SCRFD_ROLES, STRIDES, YUNET_ROLES

Numbers = npt.NDArray[np.float32]


class Planted(NamedTuple):
    """A face in px of the network's picture, and the anchor that tells of it."""

    box: tuple[float, float, float, float]
    five: tuple[tuple[float, float], ...]
    score: float
    stride: int
    column: int
    row: int
    second: bool = False


def face(x: float, y: float, size: float, score: float, stride: int, second: bool = False, of: float = 0.5) -> Planted:
    """A face about (x, y), told by the anchor at the upper left corner of the cell that (x, y) lies in."""
    half = size / 2
    five = tuple(
        (x + dx * size, y + dy * size)
        for dx, dy in ((-0.2, -0.1), (0.2, -0.12), (0.01, 0.05), (-0.15, 0.25), (0.16, 0.24))
    )
    box = (x - half * 0.8, y - half, x + half * 0.8, y + half * of * 2)
    return Planted(box, five, score, stride, int(x // stride), int(y // stride), second)


def scrfd_outputs(size: Size, faces: Sequence[Planted], rank: int = 3) -> dict[str, Tensor]:
    """What SCRFD would give, in its files' order, with noise below any threshold everywhere else."""
    outputs: dict[str, Tensor] = {}
    for stride in STRIDES:
        columns, rows = size.width // stride, size.height // stride
        parts = {"score": _noise(columns * rows * 2, 1), "box": _noise(columns * rows * 2, 4)}
        parts["kps"] = _noise(columns * rows * 2, 10)
        for one in (one for one in faces if one.stride == stride):
            index = 2 * (one.row * columns + one.column) + one.second
            x, y = one.column * stride, one.row * stride
            parts["score"][index] = one.score
            x1, y1, x2, y2 = one.box
            parts["box"][index] = np.array([x - x1, y - y1, x2 - x, y2 - y]) / stride
            parts["kps"][index] = ((np.array(one.five) - (x, y)) / stride).ravel()
        outputs |= {f"{name}_{stride}": part if rank == 2 else part[None] for name, part in parts.items()}
    return {role: outputs[role] for role in SCRFD_ROLES}


def yunet_outputs(size: Size, faces: Sequence[Planted]) -> dict[str, Tensor]:
    """What YuNet would give; the class tells more than the objectness does."""
    outputs: dict[str, Tensor] = {}
    for stride in STRIDES:
        columns, rows = size.width // stride, size.height // stride
        parts = {name: _noise(columns * rows, many) for name, many in (("cls", 1), ("obj", 1), ("box", 4), ("kps", 10))}
        for one in (one for one in faces if one.stride == stride):
            index = one.row * columns + one.column
            x, y = one.column * stride, one.row * stride
            x1, y1, x2, y2 = one.box
            parts["cls"][index], parts["obj"][index] = 0.99, one.score**2 / 0.99
            centre = ((x1 + x2) / 2 - x) / stride, ((y1 + y2) / 2 - y) / stride
            parts["box"][index] = (*centre, np.log((x2 - x1) / stride), np.log((y2 - y1) / stride))
            parts["kps"][index] = ((np.array(one.five) - (x, y)) / stride).ravel()
        outputs |= {f"{name}_{stride}": part[None] for name, part in parts.items()}
    return {role: outputs[role] for role in YUNET_ROLES}


def yolo_outputs(faces: Sequence[Planted], anchors: int = 8400) -> dict[str, Tensor]:
    """What YOLO-face would give, each face in some column."""
    rows = np.concatenate([_noise(anchors, 4), _noise(anchors, 1), _noise(anchors, 15)], axis=1)
    for index, one in enumerate(faces):
        x1, y1, x2, y2 = one.box
        triples = np.column_stack([np.array(one.five), np.full(5, 0.9)])
        rows[37 * index + 5] = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, one.score, *triples.ravel())
    return {"rows": np.ascontiguousarray(rows.T)[None].astype(np.float32)}


def _noise(rows: int, columns: int) -> Numbers:
    """(rows, columns) f32, 0..0.1: as a network gives where there is nothing."""
    return np.random.default_rng(rows * columns).random((rows, columns), np.float32) * np.float32(0.1)
