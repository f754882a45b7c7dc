"""Host work of the neural swap for one face: crop, pre, post, colour, masks, paste, on one core, without the networks.

The networks are replaced by engines that answer at once with a picture made before. Beside it, in the same run, stands
the paste-back of insightface's INSwapper, which is the part of a swap that its users pay on the host.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from benchmarks.common import Bar, publish
from benchmarks.footage import drawn
from livecam.canvas.cpu import CpuCanvas
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_MS, Frame, Image, Matrix, Size
from livecam.core.geometry import invert
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Tensor, TensorSpec
from livecam.core.settings import Settings
from livecam.vision.contract import (
    Alignment,
    Colour,
    EnhancerContract,
    IdentityKind,
    IdentityRule,
    Layout,
    MaskerContract,
    MaskerFamily,
    PictureIn,
    PictureOut,
    SwapperContract,
)
from livecam.vision.enhance import Enhancer
from livecam.vision.mask.xseg import OcclusionMasker
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.mouth import MouthKeeper
from livecam.vision.swap.chain import StageSwapper
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.swap.masks import Maskers
from livecam.vision.swap.stage import CropSwapper
from livecam.vision.template import Template, align
from livecam.vision.tensor import Floats

COMMAND = "python -m benchmarks hostwork"
FRAMES, WARM_UP = 300, 20
# Height of the face, forehead to chin, of somebody who sits before a webcam.
FACES = {Size(1280, 720): 260.0, Size(1920, 1080): 390.0}
# Median, ms: issue 4.
SWAP_BARS = {1280: 1.5, 1920: 2.5}
ENHANCED_BAR = 4.0
_TILT = 0.08
_KEY = "measured"

ZERO_ONE = ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
HALF = ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
IDENTITY = IdentityRule(IdentityKind.EMBEDDING, "none")
INSWAPPER = SwapperContract(
    PictureIn(128, Colour.RGB, Layout.NCHW, *ZERO_ONE),
    Alignment(Template.ARCFACE_128),
    PictureOut(0.0, 1.0, Colour.RGB, Layout.NCHW),
    IDENTITY,
    own_mask=False,
)
HYPERSWAP = SwapperContract(
    PictureIn(256, Colour.RGB, Layout.NCHW, *HALF),
    Alignment(Template.ARCFACE_128),
    PictureOut(-1.0, 1.0, Colour.RGB, Layout.NCHW),
    IDENTITY,
    own_mask=True,
)
GFPGAN = EnhancerContract(
    PictureIn(512, Colour.RGB, Layout.NCHW, *HALF),
    Alignment(Template.FFHQ_512),
    PictureOut(-1.0, 1.0, Colour.RGB, Layout.NCHW),
    fidelity=None,
)
XSEG = MaskerContract(MaskerFamily.XSEG, PictureIn(256, Colour.BGR, Layout.NHWC, *ZERO_ONE), ())


@dataclass(frozen=True, slots=True)
class Cost:
    """What one face costs the host.

    Attributes:
        p50_ms: Median of all of it.
        p95_ms: Its 95th percentile.
        stages_ms: Median by stage.
    """

    p50_ms: float
    p95_ms: float
    stages_ms: Mapping[str, float]


class NoOpEngine:
    """Answers at once: always the same tensors, made before."""

    def __init__(self, inputs: Mapping[str, tuple[int, ...]], outputs: Mapping[str, Tensor]) -> None:
        self._inputs = {name: TensorSpec(shape, "float32") for name, shape in inputs.items()}
        self._outputs = outputs

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, TensorSpec]:
        return {name: TensorSpec(tensor.shape, "float32") for name, tensor in self._outputs.items()}

    def run(self, feeds: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self._outputs

    def close(self) -> None:
        pass


def main(quick: bool) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    count = 60 if quick else FRAMES
    costs: dict[str, Cost] = {}
    bars: list[Bar] = []
    for size, height in FACES.items():
        image = next(drawn(size, 1))
        found = {name: swap_cost(make(), image, height, count) for name, make in CHAINS.items()}
        found["insightface paste, re-implemented"] = paste_cost(image, height, max(count // 10, 5))
        for name, cost in found.items():
            stages = " ".join(f"{stage} {value:.2f}" for stage, value in cost.stages_ms.items())
            print(f"  {size.height}p, {name}: p50 {cost.p50_ms:.2f} p95 {cost.p95_ms:.2f} ms; {stages}", flush=True)
        costs |= {f"{size.height}p, {name}": cost for name, cost in found.items()}
        bars += bars_of(size, found)
    cv2.setNumThreads(before)
    details = {"face_px": {str(size): height for size, height in FACES.items()}, "costs": _plain(costs)}
    publish("hostwork", COMMAND, bars, details, quick)


def bars_of(size: Size, found: Mapping[str, Cost]) -> list[Bar]:
    """What issue 4 asks for."""
    swap, enhanced = found["128 swapper"].p50_ms, found["128 swapper, 512 enhancer"].p50_ms
    paste = found["insightface paste, re-implemented"].p50_ms
    return [
        Bar(f"host work, 128 swapper, {size.height}p, p50 ms", SWAP_BARS[size.width], swap),
        Bar(f"host work, 128 swapper and 512 enhancer, {size.height}p, p50 ms", ENHANCED_BAR, enhanced),
        Bar(f"insightface's paste alone over all of it, {size.height}p, times", 1.0, paste / swap, at_least=True),
    ]


def swap_cost(swap: StageSwapper, image: Image, height: float, count: int) -> Cost:
    """Swap a face of `height` px that moves a little in `image`, (H, W, 3) u8, `count` times."""
    canvas, working = CpuCanvas(), image.copy()
    persona, settings = _persona(), Settings()
    durations: list[int] = []
    stages: list[Mapping[str, int]] = []
    for number in range(count + WARM_UP):
        np.copyto(working, image)
        canvas.load(Frame(working, number + 1, number))
        face = _face(image, height, number)
        started_ns = time.perf_counter_ns()
        swap(canvas, face, persona, settings)
        durations.append(time.perf_counter_ns() - started_ns)
        stages.append(dict(swap.stages()))
    kept = stages[WARM_UP:]
    parts = {name: statistics.median(row[name] for row in kept) / NS_PER_MS for name in kept[0]}
    return _cost(durations[WARM_UP:], parts)


def paste_cost(image: Image, height: float, count: int) -> Cost:
    """Paste a crop of 128 px back by insightface's rule, `count` times."""
    matrix = align(_face(image, height, 0).landmarks.five, Template.ARCFACE_128, 128)
    crop = cv2.warpAffine(image, matrix, (128, 128)).astype(np.uint8, copy=False)
    durations: list[int] = []
    for _ in range(count + 2):
        started_ns = time.perf_counter_ns()
        insightface_paste(image, crop, 255 - crop, matrix)
        durations.append(time.perf_counter_ns() - started_ns)
    return _cost(durations[2:], {})


def insightface_paste(frame: Image, crop: Image, swapped: Image, matrix: Matrix) -> Image:
    """A re-implementation of what insightface's INSwapper does to put a crop back (MODELS.md G.3).

    All of it happens on the full frame in f32. The difference of the two crops is warped, thresholded, dilated and
    blurred as well, and then not used; that is part of what its users pay.

    Args:
        frame: (H, W, 3) u8.
        crop: (S, S, 3) u8, as it was.
        swapped: (S, S, 3) u8, as it is to be.
        matrix: Frame px to crop px.

    Returns:
        (H, W, 3) u8, a new array.
    """
    size = (frame.shape[1], frame.shape[0])
    back = invert(matrix)
    change = np.abs(swapped.astype(np.float32) - crop.astype(np.float32)).mean(axis=2)
    change[:2] = change[-2:] = 0
    change[:, :2] = change[:, -2:] = 0
    white = np.full(crop.shape[:2], 255, dtype=np.float32)
    over = cv2.warpAffine(swapped, back, size, borderValue=0.0)
    mask = cv2.warpAffine(white, back, size, borderValue=0.0)
    change = cv2.warpAffine(change, back, size, borderValue=0.0)
    mask[mask > 20] = 255
    change[change < 10] = 0
    change[change >= 10] = 255
    rows, columns = np.where(mask == 255)
    extent = int(np.sqrt((rows.max() - rows.min()) * (columns.max() - columns.min())))
    edge = max(extent // 10, 10)
    mask = cv2.erode(mask, np.ones((edge, edge), np.uint8), iterations=1)
    change = cv2.dilate(change, np.ones((2, 2), np.uint8), iterations=1)
    blur = 2 * max(extent // 20, 5) + 1
    mask = cv2.GaussianBlur(mask, (blur, blur), 0)
    change = cv2.GaussianBlur(change, (11, 11), 0)
    change = change / 255
    share = mask[:, :, None] / 255
    merged: Image = (share * over + (1 - share) * frame.astype(np.float32)).astype(np.uint8)
    return merged


def swapper_128() -> StageSwapper:
    return StageSwapper(_KEY, _stage(INSWAPPER))


def swapper_128_enhanced() -> StageSwapper:
    engine = NoOpEngine({"picture": (1, 3, 512, 512)}, {"image": _picture(512) * 2 - 1})
    return StageSwapper(_KEY, _stage(INSWAPPER), enhancer=Enhancer(engine, GFPGAN))


def swapper_128_masked() -> StageSwapper:
    mask = np.zeros((1, 256, 256, 1), np.float32)
    cv2.ellipse(mask[0], (128, 140), (90, 110), 0, 0, 360, 1.0, -1)
    occlusion = OcclusionMasker(NoOpEngine({"picture": (1, 256, 256, 3)}, {"mask": mask}), XSEG)
    return StageSwapper(_KEY, _stage(INSWAPPER), Maskers(before=(occlusion,), placed=(MouthKeeper(),)))


def swapper_256() -> StageSwapper:
    return StageSwapper(_KEY, _stage(HYPERSWAP))


def swapper_boosted() -> StageSwapper:
    return StageSwapper(_KEY, _stage(INSWAPPER, 2))


CHAINS: Mapping[str, Callable[[], StageSwapper]] = {
    "128 swapper": swapper_128,
    "128 swapper, 512 enhancer": swapper_128_enhanced,
    "128 swapper, occlusion mask, mouth kept": swapper_128_masked,
    "256 swapper with its own mask": swapper_256,
    "128 swapper at boost 256": swapper_boosted,
}


def _stage(contract: SwapperContract, boost: int = 1) -> CropSwapper:
    side = contract.picture.side
    low, high = contract.result.low, contract.result.high
    outputs: dict[str, Tensor] = {"image": _picture(side) * (high - low) + low}
    if contract.own_mask:
        outputs["mask"] = np.ones((1, 1, side, side), np.float32)
    return CropSwapper(NoOpEngine({"target": (1, 3, side, side), "source": (1, 512)}, outputs), contract, boost)


def _picture(side: int) -> Floats:
    """(1, 3, side, side) f32 0..1: something that is no single colour."""
    noise = np.random.default_rng(0).random((8, 8, 3), np.float32)
    picture: Floats = np.ascontiguousarray(cv2.resize(noise, (side, side)).transpose(2, 0, 1)[None])
    return picture


def _face(image: Image, height: float, number: int) -> Face:
    """The average face in the middle of `image`, tilted, a little elsewhere each time, its mouth open."""
    points = TOPOLOGY.canonical.copy()
    points[TOPOLOGY.lip_pair.lower, 1] += 0.04
    turn = np.array([[np.cos(_TILT), -np.sin(_TILT)], [np.sin(_TILT), np.cos(_TILT)]])
    centre = np.array((image.shape[1], image.shape[0])) / 2 + (3 * np.sin(number / 7), 3 * np.cos(number / 5))
    flat = (points[:, :2] @ turn.T * height + centre).astype(np.float32)
    return Face(box_of(flat), Landmarks(flat, Topology.MESH468), points[:, 2] * np.float32(height), 1.0, 1)


def _persona() -> Persona:
    embedding = np.full(512, 512**-0.5, np.float32)
    identity = NeuralIdentity(IdentityKind.EMBEDDING, embedding[None], embedding)
    return Persona("measured", {_KEY: identity}, Consent(Basis.UNSTATED, "", "2026-01-01T00:00:00+00:00", ()), _KEY)


def _cost(durations_ns: list[int], stages_ms: Mapping[str, float]) -> Cost:
    times = np.array(durations_ns) / NS_PER_MS
    return Cost(float(np.median(times)), float(np.percentile(times, 95)), stages_ms)


def _plain(costs: Mapping[str, Cost]) -> dict[str, object]:
    return {name: asdict(cost) for name, cost in costs.items()}
