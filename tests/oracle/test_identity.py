"""Recognition and landmarks against insightface on the same files: what is fed, and what comes out."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from livecam.core.face import Box
from livecam.vision.contract import LandmarkerContract, RecogniserContract
from livecam.vision.landmark.choose import make_landmarker
from livecam.vision.recognise import Recogniser, cosine, normalised
from tests.oracle.standins import Recorded, Session, arcface, engine, fives, frame, landmarks, recipe

model_zoo = pytest.importorskip("insightface.model_zoo", reason="insightface is not here; see: make test-oracle")
arcface_onnx = pytest.importorskip("insightface.model_zoo.arcface_onnx")
landmark = pytest.importorskip("insightface.model_zoo.landmark")
common = pytest.importorskip("insightface.app.common")

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")]


def test_what_a_recogniser_is_fed_and_gives(tmp_path: Path) -> None:
    path = arcface(tmp_path / "w600k_r50.onnx")
    contract = recipe("arcface_w600k_r50").contract
    assert isinstance(contract, RecogniserContract)
    spy = Session(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]))
    theirs = arcface_onnx.ArcFaceONNX(str(path), spy)
    own = Recorded(engine("arcface_w600k_r50", path))
    who = Recogniser(own, contract)
    image, embeddings = frame(), []
    for five in fives(12):
        face = common.Face(kps=five, det_score=0.9)
        theirs.get(image, face)
        embedding = who.embed(image, five)
        # Two crops by matrices that differ in the seventh digit: a rounding may fall the other way.
        levels = np.abs(own.fed["picture"] - spy.fed["input.1"]) * 127.5
        assert levels.max() <= 1.001
        assert (levels < 1e-3).mean() > 0.999
        np.testing.assert_allclose(normalised(embedding), face.normed_embedding, atol=1e-3)
        embeddings.append((embedding, face.embedding))
    for a, b in pairwise(embeddings):
        assert cosine(a[0], b[0]) == pytest.approx(float(theirs.compute_sim(a[1], b[1])), abs=1e-3)


def test_what_a_landmarker_is_fed_and_gives(tmp_path: Path) -> None:
    path = landmarks(tmp_path / "2d106det.onnx")
    contract = recipe("2d106det").contract
    assert isinstance(contract, LandmarkerContract)
    spy = Session(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]))
    theirs = landmark.Landmark(str(path), spy)
    own = Recorded(engine("2d106det", path))
    landmarker = make_landmarker(own, contract)
    image = frame()
    for five in fives(12, seed=3):
        low, high = five.min(axis=0) - 40, five.max(axis=0) + 30
        box = Box(*low.tolist(), *high.tolist())
        face = common.Face(bbox=np.array(box, np.float32), kps=five, det_score=0.9)
        wanted = theirs.get(image, face)
        points = landmarker(image, box, five).landmarks.points
        assert np.abs(own.fed["picture"] - spy.fed["data"]).max() <= 1
        np.testing.assert_allclose(points, wanted, rtol=0, atol=0.02)
