"""The mesh swap on real footage, with landmarks of the plain 468-point network."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Image, Points
from livecam.core.settings import Settings
from livecam.vision.mesh.engine import MeshSwapper
from livecam.vision.mesh.pose import face_height
from livecam.vision.mesh.source import prepare
from livecam.vision.mesh.topology import TOPOLOGY
from tests.vision.mesh.drawn import face_of, frame_of, persona_of

pytestmark = pytest.mark.shared


class PlainLandmarks:
    """468 points, following the face from the middle of the picture."""

    def __init__(self, path: Path) -> None:
        self.session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.box: tuple[float, float, float] | None = None

    def __call__(self, image: Image) -> Points:
        height, width = image.shape[:2]
        x, y, side = self.box or (width / 2, height / 2, 0.9 * height)
        matrix = np.array([[192 / side, 0, 96 - x * 192 / side], [0, 192 / side, 96 - y * 192 / side]])
        crop = cv2.cvtColor(cv2.warpAffine(image, matrix, (192, 192)), cv2.COLOR_BGR2RGB)
        name = self.session.get_inputs()[0].name
        outputs = self.session.run(None, {name: crop[None].astype(np.float32) / 255})
        mesh = max((np.asarray(output) for output in outputs), key=np.size).reshape(468, 3)
        points = (mesh * (side / 192)).astype(np.float32)
        points[:, :2] += np.array([x - side / 2, y - side / 2], np.float32)
        middle = (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2
        self.box = (float(middle[0]), float(middle[1]), 1.5 * face_height(points))
        return points


def frames(path: Path, count: int) -> list[Image]:
    video = cv2.VideoCapture(str(path))
    images = []
    for _ in range(count):
        found, image = video.read()
        assert found, path
        images.append(image.astype(np.uint8, copy=False))
    return images


def test_a_clip_is_swapped_steadily_inside_the_face_only(shared_data: Path) -> None:
    network = shared_data / "networks" / "facemesh_192.onnx"
    wearer, persona_photo = (frames(shared_data / "clips" / name, 12) for name in ("d18.mp4", "d10.mp4"))
    landmarks = PlainLandmarks(network)
    found = [landmarks(image) for image in persona_photo[:3]]
    persona = persona_of(prepare([(persona_photo[2], found[-1])]))
    follow, swapper, canvas = PlainLandmarks(network), MeshSwapper(), CpuCanvas()
    covered = []
    for image in wearer:
        points = follow(image)
        after = image.copy()
        canvas.load(frame_of(after))
        swapper(canvas, face_of(points), persona, Settings())
        changed = np.abs(after.astype(int) - image).max(axis=2) > 2
        oval = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(oval, [np.rint(points[TOPOLOGY.oval, :2]).astype(np.int32)], 1)
        grown = cv2.dilate(oval, np.ones((9, 9), np.uint8)) > 0
        assert not (changed & ~grown).any()
        covered.append(changed[oval > 0].mean())
    assert min(covered[3:]) > 0.75
    assert np.ptp(covered[3:]) < 0.1
