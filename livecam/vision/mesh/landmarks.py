"""The dense landmarker: 468 mesh points and ten of the irises, from a turned square around the face.

The network is MediaPipe's attention mesh (Grishchenko et al. 2020): a coarse mesh, and finer lips, eyes and irises
that replace some of its rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Box, Detection, box_of
from livecam.core.frame import Image, Matrix, Points
from livecam.core.seams import Engine, Tensor, TensorSpec
from livecam.errors import ContractError, ModelError
from livecam.vision.warp import Warper

SIDE = 192
"""Side of the network's input, px."""

MESH_ROWS = 468
ALL_ROWS = 478

_MARGIN = 1.5
_LEFT_EYE_CORNER, _RIGHT_EYE_CORNER = 33, 263
_REFINED = ("lips", "left_eye", "right_eye", "left_iris", "right_iris")
_EYE_RING_ROWS = 16
_IRIS_OF = {"left_iris": "left_eye", "right_iris": "right_eye"}


class Roi(NamedTuple):
    """A turned square of the frame.

    Attributes:
        x: Centre, px.
        y: Centre, px.
        side: px.
        roll: Radians, clockwise in the image; the angle of the line through the eyes.
    """

    x: float
    y: float
    side: float
    roll: float

    @classmethod
    def from_detection(cls, detection: Detection) -> "Roi":
        """The square around a detected face, with half the face's size to spare, level with its eyes."""
        (left_x, left_y), (right_x, right_y) = detection.landmarks.five[:2].tolist()
        x, y = detection.box.centre
        side = max(detection.box.width, detection.box.height) * _MARGIN
        return cls(x, y, side, math.atan2(right_y - left_y, right_x - left_x))

    @classmethod
    def from_points(cls, points: Points) -> "Roi":
        """The square around (N, >=2) mesh points, px, with half the face's size to spare, level with its eyes."""
        return cls.level_with(box_of(points[:MESH_ROWS]), points)

    @classmethod
    def level_with(cls, box: Box, points: Points) -> "Roi":
        """The same for who knows the `box` around the mesh already."""
        dx, dy = (points[_RIGHT_EYE_CORNER, :2] - points[_LEFT_EYE_CORNER, :2]).tolist()
        x1, y1, x2, y2 = box
        return cls((x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1) * _MARGIN, math.atan2(dy, dx))

    @property
    def face_size(self) -> float:
        """Longer side of the face in it, px."""
        return self.side / _MARGIN

    def matrix(self, side: int) -> Matrix:
        """The 2x3 f64 matrix from px of a square of `side` to px of the frame, both counted from the outer corner."""
        scale = self.side / side
        cosine, sine = math.cos(self.roll) * scale, math.sin(self.roll) * scale
        half = side / 2
        return np.array(
            [
                [cosine, -sine, self.x - (cosine - sine) * half],
                [sine, cosine, self.y - (sine + cosine) * half],
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The square that the network looked at.

    Attributes:
        grey: (96, 96) u8: in grey, at half its resolution.
        matrix: The 2x3 f64 matrix from px of the square, 192 to a side, to px of the frame, both counted from the
            outer corner.
    """

    grey: Image
    matrix: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class MeshFit:
    """What the landmarker found in a square.

    Attributes:
        points: (478, 3) f32, px of the frame; z away from the camera, about zero at the middle of the head. In memory
            x, y and z lie each together, by which sums over all points take a fraction of the time.
        presence: 0..1, how sure the network is that the square holds a face.
        crop: What it looked at.
    """

    points: Points
    presence: float
    crop: Crop | None = None


class MeshLandmarker:
    """Finds the mesh in a square of a frame. Owns its buffers; used by one thread.

    Args:
        engine: The attention mesh network. It takes `image`, (1, 192, 192, 3) u8 BGR, and gives `mesh`, (468, 3) f32,
            `presence`, 0..1, and the finer `lips`, `left_eye`, `right_eye`, `left_iris` and `right_iris`, (N, 2) f32.

    Raises:
        ModelError: The network is another one.
    """

    def __init__(self, engine: Engine) -> None:
        rows = _refined_rows()
        _check(engine, rows)
        self._engine = engine
        self._warp = Warper()
        self._crop = np.empty((1, SIDE, SIDE, 3), dtype=np.uint8)
        # All points one after the other: x, then y, then z, then 1 for each; and what becomes of the outputs in them.
        self._all = np.ones((4, ALL_ROWS), dtype=np.float32)
        self._mesh = self._all[:3]
        self._places, (self._rings, self._ring_means) = _places(rows), _rings(rows)
        self._sizes = [3 * MESH_ROWS, *(2 * len(fine) for fine in rows.values())]
        self._found = np.empty(sum(self._sizes), dtype=np.float32)

    def __call__(self, image: Image, roi: Roi, on_crop: Callable[[Crop], None] | None = None) -> MeshFit:
        """The mesh of the face in `roi` of `image`, (H, W, 3) u8 BGR; beyond the image its edge is repeated.

        Args:
            image: The frame.
            roi: Where to look.
            on_crop: Told what is looked at, before the network runs.

        Raises:
            ContractError: The network answered with nonsense.
            EngineError: The backend failed.
        """
        matrix = roi.matrix(SIDE)
        self._cut(image, roi)
        halved = cv2.resize(self._crop[0], (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
        crop = Crop(cv2.cvtColor(halved, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False), matrix)
        if on_crop is not None:
            on_crop(crop)
        outputs = self._engine.run({"image": self._crop})
        self._merge(outputs)
        if not all_finite(self._mesh):
            raise ContractError("The landmark network answered with values that are no numbers.")
        return MeshFit(self._in_frame(matrix, roi.side / SIDE), float(outputs["presence"][0]), crop)

    def _cut(self, image: Image, roi: Roi) -> None:
        """Fill the crop. Pixels are sampled at their centres, half a px from their outer corner."""
        cosine, sine = math.cos(roi.roll) * SIDE / roi.side, math.sin(roi.roll) * SIDE / roi.side
        x, y, half = roi.x - 0.5, roi.y - 0.5, (SIDE - 1) / 2
        shift = half - cosine * x - sine * y, half + sine * x - cosine * y
        self._warp(image, np.array([[cosine, sine, shift[0]], [-sine, cosine, shift[1]]]), self._crop[0])

    def _merge(self, outputs: Mapping[str, Tensor]) -> None:
        """Fill the mesh, px of the crop: the coarse rows, then x and y of the finer ones.

        An iris has no depth of its own; it gets the mean of the ring around its eye.

        Raises:
            ContractError: The outputs are not of the shapes that the network has.
        """
        parts = [outputs[name].ravel() for name in ("mesh", *_REFINED)]
        if [part.size for part in parts] != self._sizes:
            raise ContractError("The landmark network answered with values of another shape than it has.")
        np.concatenate(parts, out=self._found)
        # No place is out of range; telling that is what costs most.
        self._found.take(self._places, out=self._mesh, mode="clip")
        depth = self._mesh[2]
        depth[MESH_ROWS:] = depth.take(self._rings, mode="clip") @ self._ring_means

    def _in_frame(self, matrix: Matrix, scale: float) -> Points:
        """The mesh in px of the frame, counted from the centre of its first pixel; a new array."""
        (a, b, x), (c, d, y) = matrix.tolist()
        to_frame = np.array([[a, b, 0, x - 0.5], [c, d, 0, y - 0.5], [0, 0, scale, 0]], dtype=np.float32)
        points: Points = to_frame @ self._all
        return points.T


def all_finite(points: Points) -> bool:
    """Whether all values are numbers, and no huge ones: the sum of their squares is one then, and found quickly."""
    # As they lie in memory: in any other order they would be copied.
    values = points.ravel("K")
    return math.isfinite(np.dot(values, values))


def _refined_rows() -> dict[str, npt.NDArray[np.intp]]:
    """The mesh row that each row of a finer output replaces; the first 16 of an eye's are the ring around it."""
    with resources.files(__package__).joinpath("face_geometry.npz").open("rb") as file, np.load(file) as data:
        return {name: data[name].astype(np.intp) for name in _REFINED}


def _places(rows: Mapping[str, npt.NDArray[np.intp]]) -> npt.NDArray[np.intp]:
    """(3, 478): which of all values of the outputs, the coarse mesh's first, is x, y and z of each point.

    The depth of an iris, which has none, is that of the mesh's last row.
    """
    coarse = np.minimum(np.arange(ALL_ROWS), MESH_ROWS - 1)
    places = 3 * coarse + np.arange(3)[:, None]
    start = 3 * MESH_ROWS
    for fine in rows.values():
        places[:2, fine] = start + 2 * np.arange(len(fine)) + np.arange(2)[:, None]
        start += 2 * len(fine)
    return places


def _rings(rows: Mapping[str, npt.NDArray[np.intp]]) -> tuple[npt.NDArray[np.intp], Points]:
    """The mesh rows of the rings around the eyes, and what times their depths is that of the irises: (R, 10) f32.

    It is the mean of the ring around the eye.
    """
    rings = [rows[eye][:_EYE_RING_ROWS] for eye in _IRIS_OF.values()]
    means = np.zeros((sum(map(len, rings)), ALL_ROWS - MESH_ROWS), dtype=np.float32)
    for number, (iris, ring) in enumerate(zip(_IRIS_OF, rings, strict=True)):
        start = number * _EYE_RING_ROWS
        means[start : start + len(ring), rows[iris] - MESH_ROWS] = 1 / len(ring)
    return np.concatenate(rings), means


def _check(engine: Engine, refined_rows: Mapping[str, npt.NDArray[np.intp]]) -> None:
    """Raise ModelError unless the network is the attention mesh."""
    wanted = {name: TensorSpec((len(rows), 2), "float32") for name, rows in refined_rows.items()}
    wanted |= {"mesh": TensorSpec((MESH_ROWS, 3), "float32"), "presence": TensorSpec((1,), "float32")}
    outputs, image = engine.outputs, engine.inputs.get("image")
    fits = image == TensorSpec((1, SIDE, SIDE, 3), "uint8")
    if not fits or any(outputs.get(name) != spec for name, spec in wanted.items()):
        raise ModelError("The landmark network is not the 478-point mesh.", "Fetch it again: livecam models fetch")
