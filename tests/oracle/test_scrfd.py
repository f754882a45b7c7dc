"""SCRFD against insightface's own decoding: boxes and points to 1e-3 px, on planted outputs and the real networks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livecam.core.face import Detection
from livecam.core.frame import Image, Size
from livecam.vision.contract import DetectorContract
from livecam.vision.detect.choose import make_detector
from livecam.vision.detect.detector import PictureDetector
from tests.oracle.standins import engine, frame, recipe, scrfd
from tests.vision.detect.planted import Planted, face, scrfd_outputs
from tests.vision.mesh.scenes import in_webcam_frame
from tests.vision.roles import spread_frames

oracle = pytest.importorskip("insightface.model_zoo.scrfd", reason="insightface is not here; see: make test-oracle")

pytestmark = pytest.mark.oracle
CLIPS = ("d3", "d10", "d12", "d18", "s32")


def ours(path: Path, name: str = "scrfd_2.5g") -> PictureDetector:
    contract = recipe(name).contract
    assert isinstance(contract, DetectorContract)
    return make_detector(engine(name, path), contract)


def theirs(path: Path, threshold: float) -> Any:
    detector = oracle.SCRFD(str(path))
    detector.prepare(-1, det_thresh=threshold, nms_thresh=0.4)
    return detector


def assert_same(found: list[Detection], rows: Any, fives: Any) -> None:
    assert len(found) == len(rows)
    boxes = np.array([one.box for one in found]).reshape(-1, 4)
    np.testing.assert_allclose(boxes, rows[:, :4], rtol=0, atol=1e-3)
    np.testing.assert_allclose([one.score for one in found], rows[:, 4], atol=1e-6)
    points = np.array([one.landmarks.five for one in found]).reshape(-1, 5, 2)
    np.testing.assert_allclose(points, fives, rtol=0, atol=1e-3)


def crowd(size: Size, many: int = 60) -> list[Planted]:
    """Faces all over the picture, many on one another, of all sizes, a few of them below any threshold."""
    random = np.random.default_rng(many)
    faces = {}
    for _ in range(many):
        stride = int(random.choice((8, 16, 32)))
        x, y = random.uniform(0, size.width - 1), random.uniform(0, size.height - 1)
        one = face(x, y, random.uniform(2, 9) * stride, random.uniform(0.1, 0.95), stride, bool(random.integers(2)))
        faces[one.stride, one.column, one.row, one.second] = one
    return list(faces.values())


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize(
    ("size", "seen"),
    [(Size(640, 640), Size(1280, 720)), (Size(640, 640), Size(640, 640)), (Size(640, 640), Size(512, 512)),
     (Size(640, 640), Size(360, 640)), (Size(640, 352), Size(1280, 704)), (Size(320, 640), Size(160, 320))],
    ids=str,
)  # fmt: skip
def test_planted_faces(rank: int, size: Size, seen: Size, tmp_path: Path) -> None:
    path = scrfd(tmp_path / "scrfd.onnx", size, scrfd_outputs(size, crowd(size), rank))
    image = frame(*seen)
    found = ours(path)(image, 0.3)
    assert 10 < len(found) < 50
    assert_same(found, *theirs(path, 0.3).detect(image))


def test_nothing_planted(tmp_path: Path) -> None:
    size = Size(640, 640)
    path = scrfd(tmp_path / "scrfd.onnx", size, scrfd_outputs(size, []))
    assert_same(ours(path)(frame(), 0.5), *theirs(path, 0.5).detect(frame()))


def test_where_the_axes_are_scaled_differently_only_ours_knows(tmp_path: Path) -> None:
    """481x853 becomes 360x640: insightface divides x by the scale of y."""
    size = Size(640, 640)
    path = scrfd(tmp_path / "scrfd.onnx", size, scrfd_outputs(size, crowd(size)))
    image = frame(481, 853)
    rows, fives = theirs(path, 0.3).detect(image)
    stretch = (640 / 853) / (360 / 481)
    np.testing.assert_allclose(
        [one.box for one in ours(path)(image, 0.3)], rows[:, :4] * (stretch, 1, stretch, 1), rtol=0, atol=1e-3
    )
    np.testing.assert_allclose(
        [one.landmarks.five for one in ours(path)(image, 0.3)], fives * (stretch, 1), rtol=0, atol=1e-3
    )


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["500m", "2.5g"])
def test_real_networks_on_real_frames(kind: str, shared_data: Path) -> None:
    path = shared_data / "networks" / f"scrfd_{kind}_kps.onnx"
    detector, other = ours(path, f"scrfd_{kind}"), theirs(path, 0.02)
    for clip in CLIPS:
        for image in spread_frames(shared_data, clip, 2):
            _compare(detector, other, image)
            _compare(detector, other, in_webcam_frame(image))


def _compare(detector: PictureDetector, other: Any, image: Image) -> None:
    """At a threshold low enough for dozens of candidates."""
    found = detector(image, 0.02)
    assert found
    assert_same(found, *other.detect(image))
