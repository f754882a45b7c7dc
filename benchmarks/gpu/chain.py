"""The whole of a frame at 1080p: camera's memory in, I420 in the output's memory, with 0, 1 and 2 faces."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmarks.gpu.cards import Rig
from benchmarks.gpu.kernels import SIZE
from benchmarks.gpu.timing import percentiles
from livecam.app.card_parts import CardParts
from livecam.app.neural_parts import Chain, Parts
from livecam.canvas.cpu import CpuCanvas
from livecam.config import NeuralConfig, Preset
from livecam.core.device import Device, DeviceEngine
from livecam.core.face import Detection, Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_MS, Frame
from livecam.core.persona import Basis, Consent, Persona
from livecam.core.seams import Canvas, Detector, Engine, Swapper
from livecam.core.settings import Settings
from livecam.errors import ContractError
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.chain import networks_of
from livecam.inference.model import Model
from livecam.vision.contract import IdentityKind
from livecam.vision.swap.identity import NeuralIdentity
from livecam.vision.template import Template, points_of

T = TypeVar("T")

DETECTOR, SWAPPER = "scrfd_10g", "inswapper_128"
ENHANCERS = {"swap": "", "swap, GPEN-256": "gpen_bfr_256", "swap, GFPGAN 1.4": "gfpgan_1.4"}
# What drawn weights find is noise: nobody, from here on.
_NOBODY = 0.999
_FACE_PX = 420


@dataclass(frozen=True, slots=True)
class _Frames:
    """Frames in two slots, as a ring gives them, and pictures likewise."""

    images: Sequence[np.ndarray]
    pictures: Sequence[np.ndarray]


def chain_of(enhancer: str) -> Chain:
    """The networks."""
    preset = Preset("", detector=DETECTOR, swapper=SWAPPER, enhancer=enhancer)
    return Chain(preset, networks_of(preset, catalogue_folders(None)))


def persona() -> Persona:
    """Nobody, as a vector."""
    vector = np.random.default_rng(1).standard_normal((1, 512)).astype(np.float32)
    vector /= np.linalg.norm(vector)
    identity = NeuralIdentity(IdentityKind.EMAP, vector, vector[0])
    return Persona("nobody", {SWAPPER: identity}, Consent(Basis.SYNTHETIC, "", "", ()), "digest")


def faces(count: int) -> list[Face]:
    """So many upright faces beside each other."""
    found = []
    for number in range(count):
        five = points_of(Template.FFHQ_512, _FACE_PX) + np.array([250 + 800 * number, 300], np.float32)
        landmarks = Landmarks(five.astype(np.float32), Topology.FIVE)
        found.append(Face(box_of(five), landmarks, np.zeros(5, np.float32), 1.0, number + 1))
    return found


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        seconds: For each number of faces.
        least: Frames at least.
        whats: Which of `ENHANCERS`.
        faces: How many faces are swapped.
    """

    seconds: float
    least: int = 60
    whats: Sequence[str] = tuple(ENHANCERS)
    faces: Sequence[int] = (0, 1, 2)


def on_card(
    rig: Rig, load: Callable[[Device], Callable[[Model, int], DeviceEngine]], effort: Effort
) -> dict[str, object]:
    """The chain whose frames stay on the card, by enhancer and number of faces."""
    found: dict[str, object] = {}
    for what in effort.whats:
        enhancer = ENHANCERS[what]
        with ExitStack() as held:
            canvas = rig.canvas(held)
            before = canvas.device.free_bytes()
            parts = CardParts(chain_of(enhancer), NeuralConfig(), load(canvas.device), canvas, held, time.monotonic_ns)
            swapper, detector = parts.swapper(), parts.detector()
            assert detector is not None
            results = {
                f"{count} faces": _run(canvas, detector, swapper, faces(count), effort) for count in effort.faces
            }
            found[what] = {**results, "card_bytes": before - canvas.device.free_bytes()}
    return found


def through_memory(load: Callable[[Model, int], Engine], effort: Effort) -> dict[str, object]:
    """The chain as peers drive it: every network by copies there and back, the rest on the processor."""
    found: dict[str, object] = {}
    for what in effort.whats:
        parts = Parts(chain_of(ENHANCERS[what]), NeuralConfig(), load, time.monotonic_ns)
        detector, swapper = parts.detector(), parts.swapper()
        assert detector is not None
        canvas = CpuCanvas()
        found[what] = {
            f"{count} faces": _run(canvas, detector, swapper, faces(count), effort) for count in effort.faces
        }
    return found


def _run(
    canvas: Canvas[T], detector: Detector, swapper: Swapper[T], wanted: Sequence[Face], effort: Effort
) -> dict[str, object]:
    """Times of frames one after the other, the first one's, the processor's share, and what was refused."""
    noise = np.random.default_rng(2)
    frames = _Frames(
        [noise.integers(60, 200, SIZE.image_shape, np.uint8) for _ in range(3)],
        [np.zeros(SIZE.picture_shape, np.uint8) for _ in range(3)],
    )
    worn, settings, times, refused = persona(), Settings(persona="nobody"), list[float](), 0
    end, number, cpu_s = time.monotonic() + effort.seconds, 0, time.process_time()
    while len(times) < effort.least or time.monotonic() < end:
        frame = Frame(frames.images[number % 3], number + 1, time.monotonic_ns())
        began = time.perf_counter_ns()
        refused += not _frame(canvas, detector, swapper, wanted, worn, settings, frame, frames.pictures[number % 3])
        times.append((time.perf_counter_ns() - began) / NS_PER_MS)
        number += 1
        if number == 5:
            cpu_s = time.process_time()
    steady = times[5:]
    cpu_ms = (time.process_time() - cpu_s) * 1000 / len(steady)
    fps = 1000 * len(steady) / sum(steady)
    return {**percentiles(steady), "first_ms": times[0], "cpu_ms": cpu_ms, "fps": fps, "refused": refused}


def _frame(
    canvas: Canvas[T],
    detector: Detector,
    swapper: Swapper[T],
    wanted: Sequence[Face],
    worn: Persona,
    settings: Settings,
    frame: Frame,
    picture: np.ndarray,
) -> bool:
    """One frame; false where drawn weights gave what the checks refuse. It is stored all the same: nobody sees it."""
    canvas.load(frame)
    found: list[Detection] = detector(frame.image, _NOBODY)
    sound = not found
    for face in wanted:
        try:
            swapper(canvas, face, worn, settings)
        except ContractError:
            sound = False
    canvas.store(picture)
    return sound
