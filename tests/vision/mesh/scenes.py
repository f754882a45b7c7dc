"""Pictures with a face in them, and networks that answer what they are told to."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from livecam.core.frame import Image, Matrix, Points
from livecam.core.geometry import transform
from livecam.core.seams import Tensor, TensorSpec
from tests.inference.pictures import PERSONA

SHORT_ANCHORS, FULL_ANCHORS = 896, 2304


class FakeEngine:
    """An engine whose answer a test computes from the picture it was given."""

    def __init__(
        self,
        inputs: Mapping[str, TensorSpec],
        outputs: Mapping[str, TensorSpec],
        answer: Callable[[Image], Mapping[str, Tensor]],
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.answer = answer

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self.answer(feeds["image"].astype(np.uint8, copy=False))

    def close(self) -> None:
        return None


def detector_engine(anchors: int, side: int, boxes: Points | None = None, scores: Points | None = None) -> FakeEngine:
    """A detector's network that gives planted `boxes`, (anchors, 16), and `scores`, (anchors,); zeros by default."""
    answer = {
        "boxes": np.zeros((anchors, 16), np.float32) if boxes is None else boxes,
        "scores": np.zeros(anchors, np.float32) if scores is None else scores,
    }
    specs = {name: TensorSpec(array.shape, "float32") for name, array in answer.items()}
    return FakeEngine({"image": TensorSpec((1, side, side, 3), "uint8")}, specs, lambda _: answer)


def portrait() -> Image:
    """The drawn persona, (H, W, 3) u8 BGR."""
    image = cv2.imread(str(PERSONA))
    assert image is not None, PERSONA
    return image.astype(np.uint8, copy=False)


def placed(image: Image, matrix: Matrix, width: int = 1280, height: int = 720) -> Image:
    """`image` warped by `matrix` into a frame of the given size; its edge is repeated."""
    flags = cv2.INTER_AREA if abs(np.linalg.det(matrix[:, :2])) < 1 else cv2.INTER_LINEAR
    small = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return small.astype(np.uint8, copy=False)


def turned(points: Points, scale: float, degrees: float, to: tuple[float, float]) -> Matrix:
    """The matrix that scales and turns (clockwise) about the middle of `points` and puts that at `to`."""
    cosine, sine = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    middle = transform(matrix, points[:, :2].mean(axis=0, keepdims=True))[0]
    matrix[:, 2] = np.array(to) - middle
    return matrix


def clip_frames(shared_data: Path, name: str, limit: int | None = None) -> Iterator[Image]:
    """The frames of a clip, each in the middle of a 1280x720 frame."""
    capture = cv2.VideoCapture(str(shared_data / "clips" / f"{name}.mp4"))
    read = 0
    while limit is None or read < limit:
        ok, image = capture.read()
        if not ok:
            break
        read += 1
        yield in_webcam_frame(image.astype(np.uint8, copy=False))
    assert read, f"clip {name} is empty"


def in_webcam_frame(image: Image) -> Image:
    """`image` scaled to 720 px height in the middle of a grey 1280x720 frame."""
    width = round(image.shape[1] * 720 / image.shape[0])
    frame = np.full((720, 1280, 3), 110, np.uint8)
    left = (1280 - width) // 2
    frame[:, left : left + width] = cv2.resize(image, (width, 720), interpolation=cv2.INTER_CUBIC)
    return frame
