"""The swapper against insightface's INSwapper on the same file: latent, crop, and the pasted frame by its own rule."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from livecam.canvas.cpu import CpuCanvas
from livecam.core.frame import Frame, Image, Matrix, Points, Size
from livecam.inference.graph import emap_of
from livecam.vision.contract import DetectorContract, RecogniserContract, SwapperContract
from livecam.vision.detect.choose import make_detector
from livecam.vision.recognise import Recogniser, normalised
from livecam.vision.swap.identity import latent
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.tensor import Floats
from tests.oracle.standins import EMAP, Session, arcface, engine, fives, frame, inswapper, recipe, scrfd
from tests.vision.detect.planted import Planted, scrfd_outputs

analysis = pytest.importorskip("insightface.app", reason="insightface is not here; see: make test-oracle")
inswapper_oracle = pytest.importorskip("insightface.model_zoo.inswapper")
common = pytest.importorskip("insightface.app.common")
model_zoo = pytest.importorskip("insightface.model_zoo")

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")]
SIZE = Size(128, 128)
FRAME = frame()


class Pair:
    """Their swapper and ours on one file."""

    def __init__(self, folder: Path, whole: bool = False) -> None:
        path = inswapper(folder / "inswapper_128.onnx", whole)
        contract = recipe("inswapper_128").contract
        assert isinstance(contract, SwapperContract)
        self.spy = Session(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]))
        self.theirs = inswapper_oracle.INSwapper(str(path), self.spy)
        self.ours = CropSwapper(engine("inswapper_128", path), contract)
        self.emap = emap_of(path)

    def source(self, embedding: Floats) -> Floats:
        return latent(embedding, self.emap)[None]

    def swapped(self, crop: Image, source: Floats) -> Image:
        out = np.empty_like(crop)
        self.ours(crop, source, out)
        return out


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("oracle"))


def faces(five: Points, seed: int = 0) -> tuple[Any, Any, Floats]:
    """Where the face goes and whose it is, as insightface has it; and the embedding."""
    embedding = np.random.default_rng(seed).standard_normal(512).astype(np.float32) * 20
    return common.Face(kps=five, det_score=0.9), common.Face(embedding=embedding, det_score=0.9), embedding


def pasted(frame: Image, swapped: Image, matrix: Matrix) -> Image:
    """What insightface's rule makes of a swapped crop: a white square's footprint, worn down and softened by its size.

    Read off `INSwapper.get` of insightface 2.1.
    """
    height, width = frame.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    square = np.full(swapped.shape[:2], 255, np.float32)
    mask = cv2.warpAffine(square, back, (width, height))
    mask[mask > 20] = 255
    rows, columns = np.nonzero(mask == 255)
    extent = int(np.sqrt(np.ptp(rows) * np.ptp(columns)))
    worn = max(extent // 10, 10)
    soft = 2 * max(extent // 20, 5) + 1
    mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((worn, worn), np.uint8)), (soft, soft), 0)
    share = mask[..., None] / 255
    layer = cv2.warpAffine(swapped, back, (width, height))
    return (share * layer + (1 - share) * frame).astype(np.uint8)


def test_latents(pair: Pair) -> None:
    np.testing.assert_array_equal(pair.emap, EMAP)
    for seed, five in enumerate(fives(10)):
        target, source, embedding = faces(five, seed)
        pair.theirs.get(FRAME, target, source, paste_back=False)
        np.testing.assert_allclose(pair.source(embedding), pair.spy.fed["source"], rtol=0, atol=1e-6)


def test_what_the_network_is_fed_and_what_becomes_of_it(pair: Pair) -> None:
    """On insightface's own crop, so that only the arithmetic from crop to crop is judged."""
    for seed, five in enumerate(fives(10)):
        target, source, embedding = faces(five, seed)
        wanted, matrix = pair.theirs.get(FRAME, target, source, paste_back=False)
        crop = cv2.warpAffine(FRAME, matrix, SIZE).astype(np.uint8)
        found = pair.swapped(crop, pair.source(embedding))
        assert np.abs(found.astype(int) - wanted).max() <= 1
        assert np.abs(found.astype(int) - crop).mean() > 5


def test_frame_to_crop(pair: Pair) -> None:
    """With our own matrix and crop too."""
    canvas = CpuCanvas()
    canvas.load(Frame(FRAME, 1, 0))
    for seed, five in enumerate(fives(10)):
        target, source, embedding = faces(five, seed)
        wanted, matrix = pair.theirs.get(FRAME, target, source, paste_back=False)
        own = pair.ours.matrix(five)
        np.testing.assert_allclose(own, matrix, rtol=1e-6, atol=1e-4)
        crop = canvas.crop(own, SIZE, np.empty((128, 128, 3), np.uint8))
        found = pair.swapped(crop, pair.source(embedding)).astype(int)
        assert np.abs(found - wanted).max() <= 2


def test_the_pasted_frame(tmp_path: Path) -> None:
    """Our crop, pasted by insightface's rule, is insightface's frame within one step.

    We round and insightface cuts, and OpenCV rounds halves to even when it warps: that alone could make two steps of
    one. So this network gives whole steps.
    """
    pair = Pair(tmp_path, whole=True)
    for seed, five in enumerate(fives(6, seed=2)):
        target, source, embedding = faces(five, seed)
        wanted = pair.theirs.get(FRAME.copy(), target, source, paste_back=True)
        _, theirs = pair.theirs.get(FRAME.copy(), target, source, paste_back=False)
        steps = _apart(pair, pair.source(embedding), theirs, wanted)
        assert steps.max() <= 1
        # By our own matrix, which differs in the seventh digit, two roundings in a row may fall the other way.
        steps = _apart(pair, pair.source(embedding), pair.ours.matrix(five), wanted)
        assert steps.max() <= 2
        assert (steps > 1).mean() <= 1e-6
        assert (wanted != FRAME).any()


def _apart(pair: Pair, source: Floats, matrix: Matrix, wanted: Image) -> npt.NDArray[np.int64]:
    """In 8-bit steps: `wanted` against our swap pasted by insightface's rule."""
    crop = cv2.warpAffine(FRAME, matrix, SIZE).astype(np.uint8)
    steps: npt.NDArray[np.int64] = np.abs(pasted(FRAME, pair.swapped(crop, source), matrix).astype(np.int64) - wanted)
    return steps


def test_their_whole_analysis_against_ours(tmp_path: Path) -> None:
    """From the frame to the embedding, insightface's `FaceAnalysis` on a folder of these files."""
    size = Size(640, 640)
    planted = [_told(five, score) for five, score in zip(fives(3, seed=9), (0.9, 0.8, 0.7), strict=True)]
    folder = tmp_path / "pack"
    folder.mkdir()
    found_by = scrfd(folder / "det_10g.onnx", size, scrfd_outputs(size, planted, rank=2))
    known_by = arcface(folder / "w600k_r50.onnx")
    app = analysis.FaceAnalysis(name=str(folder), root=str(tmp_path), providers=["CPUExecutionProvider"])
    app.prepare(-1, det_thresh=0.5, det_size=(640, 640))
    wanted = sorted(app.get(FRAME), key=lambda one: -one.det_score)
    detect, know = recipe("scrfd_10g").contract, recipe("arcface_w600k_r50").contract
    assert isinstance(detect, DetectorContract)
    assert isinstance(know, RecogniserContract)
    who = Recogniser(engine("arcface_w600k_r50", known_by), know)
    found = make_detector(engine("scrfd_10g", found_by), detect)(FRAME, 0.5)
    assert len(found) == len(wanted) == 3
    for own, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own.box, other.bbox, rtol=0, atol=1e-3)
        np.testing.assert_allclose(own.landmarks.five, other.kps, rtol=0, atol=1e-3)
        embedding = normalised(who.embed(FRAME, own.landmarks.five))
        np.testing.assert_allclose(embedding, other.normed_embedding, rtol=0, atol=1e-3)


def _told(five: Points, score: float) -> Planted:
    """A face in a frame of 1280x720, as a detector of 640 px sees it."""
    points = five / 2
    (x1, y1), (x2, y2) = points.min(axis=0) - 20, points.max(axis=0) + 20
    x, y = points.mean(axis=0).tolist()
    shape = tuple((float(px), float(py)) for px, py in points)
    return Planted((float(x1), float(y1), float(x2), float(y2)), shape, score, 16, int(x // 16), int(y // 16))
