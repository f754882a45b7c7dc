"""The embedded networks, for the tests that need real ones."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.inference.onnx import OnnxEngine
from livecam.vision.mesh.detect import FullRangeDetector, ShortRangeDetector
from livecam.vision.mesh.landmarks import MeshLandmarker


@pytest.fixture(scope="session")
def short_range(mesh_models: Mapping[str, Path]) -> ShortRangeDetector:
    return ShortRangeDetector(OnnxEngine(mesh_models["face_detection_short_range"]))


@pytest.fixture(scope="session")
def full_range(mesh_models: Mapping[str, Path]) -> FullRangeDetector:
    return FullRangeDetector(OnnxEngine(mesh_models["face_detection_full_range_sparse"]))


@pytest.fixture(scope="session")
def landmarker(mesh_models: Mapping[str, Path]) -> MeshLandmarker:
    return MeshLandmarker(OnnxEngine(mesh_models["face_landmark_with_attention"]))
