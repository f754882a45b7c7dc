"""The dense landmarker: 468 mesh points and ten of the irises, from a turned square around the face.

The network is MediaPipe's attention mesh (Grishchenko et al. 2020): a coarse mesh, and finer lips, eyes and irises
that replace some of its rows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources

import cv2
import numpy as np
import numpy.typing as npt

from livecam.core.face import Detection
from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import invert
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


@dataclass(frozen=True, slots=True)
class Roi:
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
        mesh = points[:MESH_ROWS, :2]
        low, high = mesh.min(axis=0), mesh.max(axis=0)
        x, y = ((low + high) / 2).tolist()
        dx, dy = (mesh[_RIGHT_EYE_CORNER] - mesh[_LEFT_EYE_CORNER]).tolist()
        return cls(x, y, float((high - low).max()) * _MARGIN, math.atan2(dy, dx))

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
    """The square that the network looked at, in grey.

    Attributes:
        grey: (192, 192) u8.
        matrix: The 2x3 f64 matrix from its px to px of the frame, both counted from the outer corner.
    """

    grey: Image
    matrix: Matrix

    def places(self, points: Points) -> Points:
        """(N, 2) f32: where (N, >=2) px of the frame lie in it; both counted from the centre of the first pixel."""
        linear, shift = self.matrix[:, :2], self.matrix[:, 2]
        places: Points = ((points[:, :2] + 0.5 - shift) @ np.linalg.inv(linear).T - 0.5).astype(np.float32)
        return places

    def in_frame(self, places: Points) -> Points:
        """What `places` was made of: the way back."""
        points: Points = ((places + 0.5) @ self.matrix[:, :2].T + (self.matrix[:, 2] - 0.5)).astype(np.float32)
        return points


@dataclass(frozen=True, slots=True, eq=False)
class MeshFit:
    """What the landmarker found in a square.

    Attributes:
        points: (478, 3) f32, px of the frame; z away from the camera, about zero at the middle of the head.
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
        self._rows = _refined_rows()
        _check(engine, self._rows)
        self._engine = engine
        self._warp = Warper()
        self._crop = np.empty((1, SIDE, SIDE, 3), dtype=np.uint8)
        self._mesh = np.empty((ALL_ROWS, 3), dtype=np.float32)

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
        self._cut(image, matrix)
        crop = Crop(cv2.cvtColor(self._crop[0], cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False), matrix)
        if on_crop is not None:
            on_crop(crop)
        outputs = self._engine.run({"image": self._crop})
        self._merge(outputs)
        if not np.isfinite(self._mesh).all():
            raise ContractError("The landmark network answered with values that are no numbers.")
        return MeshFit(self._in_frame(matrix, roi.side / SIDE), float(outputs["presence"][0]), crop)

    def _cut(self, image: Image, matrix: Matrix) -> None:
        """Fill the crop. Pixels are sampled at their centres, half a px from their outer corner."""
        centred = matrix.copy()
        centred[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
        self._warp(image, invert(centred), self._crop[0])

    def _merge(self, outputs: Mapping[str, Tensor]) -> None:
        """Fill the mesh, px of the crop: the coarse rows, then x and y of the finer ones.

        An iris has no depth of its own; it gets the mean of the ring around its eye.
        """
        mesh = self._mesh
        mesh[:MESH_ROWS] = outputs["mesh"]
        for name, rows in self._rows.items():
            mesh[rows, :2] = outputs[name]
        for iris, eye in _IRIS_OF.items():
            mesh[self._rows[iris], 2] = mesh[self._rows[eye][:_EYE_RING_ROWS], 2].mean()

    def _in_frame(self, matrix: Matrix, scale: float) -> Points:
        """The mesh in px of the frame, counted from the centre of its first pixel; a new array."""
        points = np.empty_like(self._mesh)
        points[:, :2] = self._mesh[:, :2] @ matrix[:, :2].T + (matrix[:, 2] - 0.5)
        points[:, 2] = self._mesh[:, 2] * scale
        return points


def _refined_rows() -> dict[str, npt.NDArray[np.intp]]:
    """The mesh row that each row of a finer output replaces; the first 16 of an eye's are the ring around it."""
    with resources.files(__package__).joinpath("face_geometry.npz").open("rb") as file, np.load(file) as data:
        return {name: data[name].astype(np.intp) for name in _REFINED}


def _check(engine: Engine, refined_rows: Mapping[str, npt.NDArray[np.intp]]) -> None:
    """Raise ModelError unless the network is the attention mesh."""
    wanted = {name: TensorSpec((len(rows), 2), "float32") for name, rows in refined_rows.items()}
    wanted |= {"mesh": TensorSpec((MESH_ROWS, 3), "float32"), "presence": TensorSpec((1,), "float32")}
    outputs, image = engine.outputs, engine.inputs.get("image")
    fits = image == TensorSpec((1, SIDE, SIDE, 3), "uint8")
    if not fits or any(outputs.get(name) != spec for name, spec in wanted.items()):
        raise ModelError("The landmark network is not the 478-point mesh.", "Fetch it again: livecam models fetch")
