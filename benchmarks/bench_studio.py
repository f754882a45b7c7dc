"""The studio's models at full size on a card: seconds a step and peak memory of a picture of 1024 px.

The weights are random, for none are carried along: speed and memory do not depend on what they are, the pictures are
noise. Without a card nothing is measured, and nothing is written: a processor takes minutes a step.
"""

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from benchmarks.common import publish
from livecam.core.frame import Image
from livecam.studio.offline import go_offline
from livecam.studio.terms import Backend, Conditions, Device, Likeness, Sampling, Slot
from livecam.vision.template import Template, points_of

COMMAND: Final = "python -m benchmarks studio"
SIDE: Final = 1024
PICTURES: Final = 3
"""After one that is not counted."""

NONE: Final[Mapping[Slot, float]] = MappingProxyType({})
CARD: Final = Device("cuda", half=True)


class Peak(Protocol):
    """See `livecam.studio.engines.placing.Peak`."""

    @property
    def bytes(self) -> int:
        """The most so far."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        name: In the result.
        make: Loads it.
        steps: Of a picture.
        photos: References that are shown to it.
        scales: Of its adapters.
    """

    name: str
    make: Callable[[], Backend]
    steps: int
    photos: int
    scales: Mapping[Slot, float]


def main(quick: bool = False) -> bool:
    """Measure and publish, or say why not; True if something was measured."""
    go_offline()
    reason = missing()
    if reason:
        print(f"  nothing was measured, and no result is written: {reason}", flush=True)
        return False
    with tempfile.TemporaryDirectory(prefix="bench-studio-") as folder:
        found = {}
        for subject in subjects(Path(folder)):
            found[subject.name] = measured(subject, 1 if quick else PICTURES)
            print(f"  {told(subject.name, found[subject.name])}", flush=True)
    publish("studio", COMMAND, [], {"card": card(), "side": SIDE, "models": found}, quick)
    return True


def missing() -> str:
    """What keeps this machine from measuring; empty where nothing does."""
    try:
        torch = import_module("torch")
        import_module("diffusers")
    except ImportError as error:
        return f'{error.name} is not installed; it comes with pip install "livecam[studio]".'
    return "" if torch.cuda.is_available() else "torch sees no NVIDIA card on this machine."


def subjects(folder: Path) -> tuple[Subject, ...]:
    """All that is measured, each loaded when it is its turn."""
    models = import_module("benchmarks.studio_models")
    every = dict.fromkeys(Slot, 1.0)
    return (
        Subject("klein4b, one photo", lambda: models.klein_backend(CARD, folder), 4, 1, NONE),
        Subject("klein4b, four photos", lambda: models.klein_backend(CARD, folder), 4, 4, NONE),
        Subject("flux1", lambda: models.flux_backend(CARD, adapters=False), 8, 1, NONE),
        Subject("flux1, all adapters", lambda: models.flux_backend(CARD, adapters=True), 8, 1, every),
    )


def measured(subject: Subject, pictures: int, device: str = CARD.name, side: int = SIDE) -> dict[str, float]:
    """Seconds a step, from the second step on, seconds a picture, and the most memory, of `subject`."""
    placing = import_module("livecam.studio.engines.placing")
    gc.collect()
    placing.empty()
    loading: Peak = placing.Peak(device)
    backend = subject.make()
    loaded = loading.bytes
    peak: Peak = placing.Peak(device)
    steps: list[float] = []
    whole: list[float] = []
    for _ in range(1 + pictures):
        # The clock is read when the card is done, so that times are those of the work and not of its orders.
        at = _picture(backend, subject, side, lambda: placing.wait(device))
        steps.append(statistics.median(after - before for before, after in pairwise(at[1:-1])))
        whole.append(at[-1] - at[0])
    most = peak.bytes
    backend.close()
    return {
        "seconds_a_step": statistics.median(steps[1:]),
        "seconds_a_picture": statistics.median(whole[1:]),
        "steps": float(subject.steps),
        "gb_loaded": loaded / 1e9,
        "gb_peak": most / 1e9,
    }


def _picture(backend: Backend, subject: Subject, side: int, wait: Callable[[], None]) -> list[float]:
    """When it began, when each step was done, and when the picture was there, s."""
    at = [time.perf_counter()]

    def step(_done: int, _total: int) -> None:
        wait()
        at.append(time.perf_counter())

    image, mask = np.full((side, side, 3), 128, np.uint8), np.full((side, side), 255, np.uint8)
    backend.inpaint(image, mask, conditions(subject, side), Sampling(subject.steps, 1.0, 1), step)
    wait()
    return [*at, time.perf_counter()]


def conditions(subject: Subject, side: int) -> Conditions:
    """Of nobody: photos of noise, and a vector of length 1."""
    five = points_of(Template.FFHQ_512, side)
    noise: Image = np.random.default_rng(1).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    fives = (points_of(Template.FFHQ_512, len(noise)),) * subject.photos
    likeness = Likeness(np.full((1, 512), 512**-0.5, np.float32), (noise,) * subject.photos, fives)
    return Conditions(likeness, five, subject.scales)


def card() -> dict[str, object]:
    """The card and its driver, by their names."""
    torch = import_module("torch")
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        driver = "unknown"
    return {
        "name": torch.cuda.get_device_name(),
        "driver": driver,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "diffusers": import_module("diffusers").__version__,
    }


def told(name: str, found: Mapping[str, float]) -> str:
    """One line."""
    return (
        f"{name}: {found['seconds_a_step']:.3f} s a step, {found['seconds_a_picture']:.2f} s a picture of "
        f"{found['steps']:.0f} steps, {found['gb_peak']:.1f} GB at most ({found['gb_loaded']:.1f} GB loaded)"
    )


if __name__ == "__main__":
    sys.exit(0 if main("--quick" in sys.argv) else 1)
