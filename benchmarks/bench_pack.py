"""The identity pack live: what it costs a frame to choose a vector by the head's angle, and that no frame jumps."""

import math
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from benchmarks.common import Bar, publish
from livecam.core.face import Face, Landmarks, Topology, box_of
from livecam.core.frame import NS_PER_S
from livecam.faces.pack import LENGTH, IdentityPack, KnownBy, Origin, View
from livecam.vision.angles import PITCHES, YAWS, AngleChoice, AngledSources, HeadAngles, angled_sources
from livecam.vision.heading import HeadPose
from livecam.vision.mesh.topology import TOPOLOGY
from livecam.vision.tensor import Floats

FPS: Final = 30
_PERSON: Final = 0.7
"""Cosine of two views of the person at hand, about: what a recogniser gives from the front and from the side."""


def main(quick: bool) -> None:
    """Time the choice over heads that turn, stand still and are lost, and the pose that it needs."""
    sources = angled_sources(_pack().vectors())
    frames = 3_000 if quick else 60_000
    choice, moved = _choice(sources, frames)
    poses = _poses(1_000 if quick else 10_000)
    bars = [
        Bar("choosing the vector, median, us", 20, choice["p50_us"]),
        Bar("choosing the vector, 99th percentile, us", 20, choice["p99_us"]),
        Bar("turn of the vector between two frames, most, degrees", 5, max(moved)),
        Bar("length of the vector, furthest from 1", 1e-5, choice["length_off"]),
    ]
    details = {
        "frames": frames,
        "vector": LENGTH,
        "bins": [len(YAWS), len(PITCHES)],
        "choice": choice,
        "turned_frames_share": round(sum(step > 1e-3 for step in moved) / len(moved), 4),
        "pose_of_a_mesh_us": poses,
    }
    publish("pack", "python -m benchmarks pack", bars, details, quick)


def _pack() -> IdentityPack:
    random = np.random.default_rng(0)
    person = random.normal(size=LENGTH)
    views = []
    for yaw in YAWS:
        for pitch in PITCHES:
            apart = random.normal(size=LENGTH) * math.sqrt(1 / _PERSON - 1)
            vector: Floats = (person + apart).astype(np.float32)
            vector /= np.linalg.norm(vector)
            views.append(View(vector, HeadAngles(yaw, pitch), Origin.WEBCAM, 1.0))
    return IdentityPack(KnownBy("none", "0" * 64), tuple(views), "0" * 64, "2026-01-01T00:00:00+00:00")


def _heads(frames: int) -> Iterator[HeadAngles | None]:
    """A head that turns to and fro, quicker and quicker, nods, wavers and is now and then not told."""
    random = np.random.default_rng(1)
    for number in range(frames):
        turn = 55 * math.sin(number / (10 + 90 * abs(math.cos(number / 5000))))
        nod = 20 * math.sin(number / 47)
        yield None if number % 1000 > 980 else HeadAngles(turn + random.normal(), nod + random.normal())


def _choice(sources: AngledSources, frames: int) -> tuple[dict[str, float], list[float]]:
    choice, times = AngleChoice(), np.empty(frames)
    vectors: list[Floats] = []
    for number, angles in enumerate(_heads(frames)):
        now_ns = (number + 1) * NS_PER_S // FPS
        begun = time.perf_counter_ns()
        vector = choice(sources, angles, now_ns)
        times[number] = time.perf_counter_ns() - begun
        vectors.append(vector.copy())
    off = max(abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) for vector in vectors)
    p50, p95, p99 = (float(value) / 1000 for value in np.percentile(times, [50, 95, 99]))
    told = {"p50_us": round(p50, 2), "p95_us": round(p95, 2), "p99_us": round(p99, 2), "length_off": off}
    return told, [_degrees(one, other) for one, other in pairwise(vectors)]


def _degrees(one: Floats, other: Floats) -> float:
    chord = float(np.linalg.norm(one.astype(np.float64) - other.astype(np.float64)))
    return math.degrees(2 * math.asin(min(1.0, chord / 2)))


def _poses(times: int) -> float:
    """Median of telling the angles of a mesh, which comes besides, us."""
    points = (TOPOLOGY.canonical * 220 + np.array([320, 240, 0])).astype(np.float32)
    flat = np.ascontiguousarray(points[:, :2])
    face = Face(box_of(flat), Landmarks(flat, Topology.MESH468), np.ascontiguousarray(points[:, 2]), 1.0, 1)
    pose, spent = HeadPose(), []
    for _ in range(times):
        begun = time.perf_counter_ns()
        pose(face)
        spent.append(time.perf_counter_ns() - begun)
    return round(statistics.median(spent) / 1000, 2)
