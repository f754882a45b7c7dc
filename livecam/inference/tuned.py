"""What ``livecam engines tune`` found to be the quickest for each network, kept for the next runs.

The file is believed only on the computer and with the packages that it was measured on; else it is passed over, with a
sentence that says why.
"""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from livecam.config import Paths
from livecam.errors import ConfigError
from livecam.inference.backends import Backend, Facts
from livecam.inference.card import Card
from livecam.inference.files import private_folder, write_whole

SCHEMA: Final = 1
"""Of the file."""

_LARGEST: Final = 1 << 20
_AGAIN: Final = "Measure again: livecam engines tune"
_PACKAGES: Final = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-ep-openvino",
    "tensorrt",
    "tensorrt-rtx-cu13-libs",
)
"""A change of one of these changes how fast networks are."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The quickest way to run a network.

    Attributes:
        backend: Which.
        threads: Within an operator, on the processor; 0 where it does not matter.
        median_ms: Of its runs.
        error: Against the 32-bit network on the processor: relative, root of the mean square.
        weights: SHA-256 of the network's file.
    """

    backend: Backend
    threads: int
    median_ms: float
    error: float
    weights: str


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was measured before.

    Attributes:
        choices: By the network's name.
        note: Why there are none, as a sentence; "" where there are.
        next_step: What to do about that.
    """

    choices: Mapping[str, Choice] = field(default_factory=dict)
    note: str = ""
    next_step: str = ""

    def choice(self, name: str, weights: str) -> Choice | None:
        """The choice for a network with a file of that SHA-256; None where it was not measured."""
        found = self.choices.get(name)
        return found if found is not None and found.weights == weights else None


def tuned_path(paths: Paths) -> Path:
    """Where the choices are kept."""
    return paths.data / "tuned.json"


def place_of(facts: Facts) -> dict[str, str]:
    """What the measurements hold for: the card with its driver, the processor, and the packages."""
    card = facts.card()
    told = f"{card}, CUDA {card.cuda_told}" if isinstance(card, Card) else "none"
    return {"card": told, "processor": f"{_processor()}, {os.cpu_count()} threads", **_versions()}


def read_tuned(path: Path, place: Mapping[str, str]) -> Tuned:
    """The choices in `path`, if they were measured at `place`. Never raises.

    Args:
        path: The file.
        place: As `place_of`.
    """
    try:
        with path.open("rb") as file:
            held: object = json.loads(file.read(_LARGEST))
    except FileNotFoundError:
        return Tuned(note="It was not measured yet which backend is the quickest.", next_step="livecam engines tune")
    except (OSError, ValueError, RecursionError) as error:
        return Tuned(note=f"What was measured cannot be read from {path}: {error}.", next_step=_AGAIN)
    match held:
        case {"schema": int(schema)} if schema != SCHEMA:
            return Tuned(note=f"What was measured in {path} is of another version of livecam.", next_step=_AGAIN)
        case {"place": {**measured}, "choices": {**choices}}:
            return _believed(path, measured, choices, place)
        case _:
            return Tuned(note=f"{path} does not hold what was measured.", next_step=_AGAIN)


def write_tuned(path: Path, place: Mapping[str, str], choices: Mapping[str, Choice]) -> None:
    """Keep `choices`, measured at `place`; those that were there and hold still stay.

    Raises:
        ConfigError: The disk refused.
    """
    kept = {**read_tuned(path, place).choices, **choices}
    content = {
        "schema": SCHEMA,
        "place": dict(place),
        "choices": {name: asdict(choice) for name, choice in sorted(kept.items())},
    }
    try:
        private_folder(path.parent)
        write_whole(path, json.dumps(content, indent=2).encode())
    except OSError as error:
        raise ConfigError(
            f"What was measured cannot be kept in {path}: {error.strerror or error}.",
            "Make it writable, or name another folder: LIVECAM_DATA",
        ) from error


def _believed(
    path: Path, measured: Mapping[object, object], choices: Mapping[object, object], place: Mapping[str, str]
) -> Tuned:
    changed = sorted(str(name) for name in {*measured, *place} if measured.get(name) != place.get(str(name)))
    if changed:
        was = ", ".join(f"{name} was {measured.get(name, 'not there')}" for name in changed)
        return Tuned(note=f"What was measured does not hold any more: {was}.", next_step=_AGAIN)
    try:
        return Tuned({str(name): _choice(each) for name, each in choices.items()})
    except (ValueError, TypeError) as error:
        return Tuned(note=f"{path} does not hold what was measured: {error}.", next_step=_AGAIN)


def _choice(held: object) -> Choice:
    """One choice of the file.

    Raises:
        ValueError: It is not one.
    """
    match held:
        case {
            "backend": str(backend),
            "threads": int(threads),
            "median_ms": float() | int() as median_ms,
            "error": float() | int() as error,
            "weights": str(weights),
        } if 0 <= threads <= 1024:
            return Choice(Backend(backend), threads, float(median_ms), float(error), weights)
        case _:
            raise ValueError(f"{held!r} is no choice")


def _processor() -> str:
    """Its name, as the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    """Those of `_PACKAGES` that are installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
