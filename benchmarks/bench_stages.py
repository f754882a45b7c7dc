"""What one frame costs, stage by stage, at three sizes, with one and with two OpenCV threads."""

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from benchmarks.common import Bar, publish
from benchmarks.footage import clip, clips_folder, drawn, frame_at, in_webcam_frame
from benchmarks.rig import Rig, Swapped, built_in_picture, embedded_networks, persona_of
from livecam.core.frame import NS_PER_MS, Image, Size
from livecam.core.settings import Settings
from livecam.vision.mesh.pose import face_height

COMMAND = "python -m benchmarks stages"
SIZES = (Size(640, 480), Size(1280, 720), Size(1920, 1080))
PERSONA, PERSONA_FRAME, WEARER = "d3", 0, "d18"
WARM_UP, FRAMES = 10, 120
# Median of the whole step (track, swap, store) with two threads, ms: issue 2. With one thread: MESH.md 4.
STEP_BARS = {(640, 2): 10.0, (1280, 2): 14.0, (1920, 2): 20.0, (1280, 1): 18.0}
P95_BARS = {(1280, 2): 20.0}
TRACK_BAR = 4.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a frame costs at one size.

    Attributes:
        face_px: Height of the face, median.
        p50_ms: Median by stage; ``step`` is track, swap and store together, the rest are parts of ``swap``.
        p95_ms: 95th percentile by stage.
        cpu_ms: Processor time of a step over all threads, mean.
        frames: Measured.
    """

    face_px: float
    p50_ms: Mapping[str, float]
    p95_ms: Mapping[str, float]
    cpu_ms: float
    frames: int


def main(quick: bool) -> None:
    networks = embedded_networks()
    folder = clips_folder()
    photo = frame_at(folder / f"{PERSONA}.mp4", PERSONA_FRAME) if folder else built_in_picture()
    persona = persona_of(networks, photo, "measured")
    costs: dict[tuple[int, int], Cost] = {}
    frames = 30 if quick else FRAMES
    before = cv2.getNumThreads()
    for threads in (1, 2):
        cv2.setNumThreads(threads)
        for size in SIZES:
            cost = cost_of(Rig(networks, persona, Settings()), _frames(size, frames + WARM_UP))
            costs[size.width, threads] = cost
            told = " ".join(f"{name} {value:.2f}" for name, value in cost.p50_ms.items())
            print(
                f"  {size}, {threads} thread(s), face {cost.face_px:.0f} px: {told} cpu {cost.cpu_ms:.1f}", flush=True
            )
    cv2.setNumThreads(before)
    source = f"{PERSONA} on {WEARER}, padded to 16:9" if folder else "synthetic"
    details = {f"{width} px wide, {threads} thread(s)": asdict(cost) for (width, threads), cost in costs.items()}
    publish("stages", COMMAND, bars_of(costs), {"source": source, "costs": details}, quick)


def cost_of(rig: Rig, frames: Iterator[Image]) -> Cost:
    """Run `rig` over `frames` and take the times of all but the first few.

    Raises:
        LookupError: No frame was swapped.
    """
    rows: list[dict[str, int]] = []
    heights: list[float] = []
    cpu_ns = 0
    for number, image in enumerate(frames):
        started_ns = time.process_time_ns()
        swapped = rig(image)
        used_ns = time.process_time_ns() - started_ns
        if swapped is not None and number >= WARM_UP:
            rows.append(_stages(rig, swapped))
            heights.append(face_height(swapped.points))
            cpu_ns += used_ns
    if not rows:
        raise LookupError("No frame was swapped.")
    times = {name: [row[name] / NS_PER_MS for row in rows] for name in rows[0]}
    p50 = {name: statistics.median(values) for name, values in times.items()}
    p95 = {name: float(np.percentile(values, 95)) for name, values in times.items()}
    return Cost(statistics.median(heights), p50, p95, cpu_ns / len(rows) / NS_PER_MS, len(rows))


def bars_of(costs: Mapping[tuple[int, int], Cost]) -> list[Bar]:
    """What issue 2 and MESH.md ask for."""
    bars = [Bar(f"{_case(case)}, p50 ms", limit, costs[case].p50_ms["step"]) for case, limit in STEP_BARS.items()]
    bars += [Bar(f"{_case(case)}, p95 ms", limit, costs[case].p95_ms["step"]) for case, limit in P95_BARS.items()]
    return [*bars, Bar("track at 1280x720, 1 thread, p50 ms", TRACK_BAR, costs[1280, 1].p50_ms["track"])]


def _case(case: tuple[int, int]) -> str:
    width, threads = case
    return f"track + swap + store, {width} px wide, {threads} thread(s)"


def _stages(rig: Rig, swapped: Swapped) -> dict[str, int]:
    step = swapped.track_ns + swapped.swap_ns + swapped.store_ns
    whole = {"step": step, "track": swapped.track_ns, "swap": swapped.swap_ns, "store": swapped.store_ns}
    return whole | dict(rig.swap_stages())


def _frames(size: Size, count: int) -> Iterator[Image]:
    folder = clips_folder()
    if folder is None:
        yield from drawn(size, count)
        return
    for image in clip(folder / f"{WEARER}.mp4", count):
        yield in_webcam_frame(image, size)
