"""How long each network takes on this machine, by provider: the real ones that are here, and stand-ins for the others.

What is timed is one run as the live path makes it: arrays of the processor in, arrays of the processor out. On a
graphics card the way there and back counts with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from livecam.bench import standins
from livecam.core.frame import NS_PER_MS, NS_PER_S
from livecam.core.seams import Clock, Engine, Tensor, TensorSpec
from livecam.errors import LivecamError, ModelError
from livecam.inference import onnx, store, weights
from livecam.inference.graph import FREE, input_shapes, read_graph
from livecam.inference.model import Model
from livecam.inference.recipe import Recipe
from livecam.vision.contract import DetectorContract

LEAST_RUNS: Final = 3
"""A run that takes longer than the whole time is still made so often."""

_WARM_PART: Final = 0.2
"""Of the measuring time: runs before it, which do not count."""

PUBLISHED: Final = "published"
PLANTED: Final = "stand-in, planted effect"
"""It has none of the published layers, so its time says nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to be measured.

    Attributes:
        name: Of its recipe.
        task: What it does.
        gflop: Of one run; 0 where not known.
        weights: Whose they are: `PUBLISHED`, or which kind of stand-in it is.
        load: Makes it ready on a provider.
    """

    name: str
    task: str
    gflop: float
    weights: str
    load: Callable[[str], Engine]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a network is on a provider.

    Attributes:
        name: Of its recipe.
        task: What it does.
        provider: Where it ran.
        weights: Whose they are: `PUBLISHED`, or which kind of stand-in it is.
        gflop: Of one run; 0 where not known.
        runs: That were timed; 0 where it did not run.
        p50_ms: Half of the runs were at most this long.
        p95_ms: 95 of 100 runs were.
        load_ms: From the file to the first result.
        problem: Why it did not run; empty where it did.
    """

    name: str
    task: str
    provider: str
    weights: str
    gflop: float
    runs: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    load_ms: float = 0.0
    problem: str = ""

    @property
    def gflop_per_s(self) -> float:
        """Achieved thousand million operations a second; 0 where not known."""
        return self.gflop / self.p50_ms * 1000 if self.p50_ms else 0.0

    @property
    def stand_in(self) -> bool:
        """Whether the weights are nobody's."""
        return self.weights != PUBLISHED

    def to_json(self) -> dict[str, str | int | float | bool]:
        """All of it."""
        return {
            "name": self.name,
            "task": self.task,
            "provider": self.provider,
            "stand_in": self.stand_in,
            "weights": self.weights,
            "p50_ms": round(self.p50_ms, 3),
            "p95_ms": round(self.p95_ms, 3),
            "runs": self.runs,
            "load_ms": round(self.load_ms, 1),
            "gflop": round(self.gflop, 4),
            "gflop_per_s": round(self.gflop_per_s, 2),
            "problem": self.problem,
        }


def default_providers() -> tuple[str, ...]:
    """The providers that work here."""
    return onnx.providers()


def published(model: Model, cache: Path) -> Subject | None:
    """The network of `model` as it is on this machine; None where it is not.

    A stand-in that somebody put in its place is told by its mark, and said to be one.
    """
    path = store.model_path(model, cache)
    if not path.is_file():
        return None
    whose = _stand_in_found(path) or PUBLISHED

    def load(provider: str) -> Engine:
        return onnx.load_model_engine(model, store.installed(model, cache), provider)

    return Subject(model.name, str(model.task), _gflop(model, path, whose), whose, load)


def stand_in(model: Model, folder: Path, divisor: int = 1) -> Subject | None:
    """A stand-in for `model`, written below `folder` while it is loaded; None where its layers are not known."""
    if not standins.tells_cost(model.name):
        return None
    outline = standins.draft(model.name, divisor).outline()
    gflop = standins.count(outline, _sizes(model, input_shapes(outline))).gflop

    def load(provider: str) -> Engine:
        with _written(model.name, folder, divisor) as path:
            return onnx.load_model_engine(model, path, provider)

    return Subject(model.name, str(model.task), gflop, narrowed(divisor), load)


def embedded(recipe: Recipe, cache: Path) -> Subject | None:
    """A network of the embedded swap; None where it is not on this machine."""
    if weights.status(recipe, cache) is not weights.Presence.PRESENT:
        return None
    path = weights.network_path(recipe, cache)
    gflop = standins.count_file(path).gflop
    return Subject(recipe.name, recipe.task, gflop, PUBLISHED, lambda provider: onnx.load(recipe, path, provider))


def narrowed(divisor: int) -> str:
    """What a stand-in with the published layers is called whose widths are divided by `divisor`."""
    return "stand-in" if divisor == 1 else f"stand-in, 1/{divisor} width"


def _stand_in_found(path: Path) -> str:
    """Which kind of stand-in the file is; "" for what is none."""
    if not standins.is_stand_in(path):
        return ""
    divisor = standins.metadata(path).get(standins.DIVISOR)
    return PLANTED if divisor is None else narrowed(int(divisor))


def measure(subject: Subject, provider: str, seconds: float, clock: Clock) -> Speed:
    """Time `subject` on `provider` for about `seconds`; a network that does not run gives a `Speed` that says why."""
    start_ns = clock.now_ns()
    try:
        engine = subject.load(provider)
    except LivecamError as error:
        return _failed(subject, provider, error)
    try:
        load_ms = (clock.now_ns() - start_ns) / NS_PER_MS
        feeds = _noise(engine.inputs)
        _timed(engine, feeds, seconds * _WARM_PART, clock, least=1)
        times_ms = np.array(_timed(engine, feeds, seconds, clock, LEAST_RUNS)) / NS_PER_MS
    except LivecamError as error:
        return _failed(subject, provider, error)
    finally:
        engine.close()
    p50, p95 = (float(value) for value in np.percentile(times_ms, (50, 95)))
    known = (subject.name, subject.task, provider, subject.weights, subject.gflop)
    return Speed(*known, len(times_ms), p50, p95, load_ms)


def _failed(subject: Subject, provider: str, error: LivecamError) -> Speed:
    return Speed(subject.name, subject.task, provider, subject.weights, subject.gflop, problem=str(error))


def _timed(engine: Engine, feeds: Mapping[str, Tensor], seconds: float, clock: Clock, least: int) -> Sequence[int]:
    """Durations, ns, of runs made until `seconds` are over and there are at least `least`."""
    times: list[int] = []
    end_ns = clock.now_ns() + int(seconds * NS_PER_S)
    before_ns = clock.now_ns()
    while before_ns < end_ns or len(times) < least:
        engine.run(feeds)
        after_ns = clock.now_ns()
        times.append(after_ns - before_ns)
        before_ns = after_ns
    return times


def _noise(inputs: Mapping[str, TensorSpec]) -> dict[str, Tensor]:
    """Values of 0..1 for every input; a size that is still free is 1."""
    generator = np.random.default_rng(0)
    return {name: generator.random([max(n, 1) for n in spec.shape]).astype(spec.dtype) for name, spec in inputs.items()}


def _sizes(model: Model, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """`shapes` with one picture at once, and the recipe's square where a detector leaves the sides free."""
    side = model.contract.picture.side if isinstance(model.contract, DetectorContract) else 1
    return {
        name: tuple(n if n != FREE else (side if axis else 1) for axis, n in enumerate(shape))
        for name, shape in shapes.items()
    }


def _gflop(model: Model, path: Path, whose: str) -> float:
    """Of one run; counted where the recipe does not say, or not of these weights. 0 where it cannot be counted."""
    if whose == PUBLISHED and model.gflop:
        return model.gflop
    try:
        graph = read_graph(path)
        return standins.count(graph, _sizes(model, input_shapes(graph))).gflop
    except ModelError:
        # Whatever is wrong with the file is told when it is loaded.
        return 0.0


@contextmanager
def _written(name: str, folder: Path, divisor: int) -> Iterator[Path]:
    """A stand-in's file.

    Raises:
        ModelError: There is no room for it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="stand-in-", dir=folder) as place:
            path = Path(place) / f"{name}.onnx"
            standins.write(name, path, divisor)
            yield path
    except OSError as error:
        raise ModelError(
            f"A stand-in for {name} cannot be written to {folder}: {error.strerror or error}.",
            "Make room there, or take a narrower one: --divisor 16",
        ) from error
