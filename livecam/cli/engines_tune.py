"""``livecam engines tune``: which backend is the quickest for each network, measured here."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.models_shared import cache_of, catalogue, check_known
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.cli.progress import progress_shown
from livecam.config import SETTINGS, Resolved
from livecam.errors import LivecamError

if TYPE_CHECKING:
    from livecam.core.device import Device
    from livecam.core.seams import Engine
    from livecam.inference.agreement import Reference
    from livecam.inference.backends import Facts
    from livecam.inference.model import Model
    from livecam.inference.plan_key import Flavour
    from livecam.inference.progress import Progress
    from livecam.inference.tune import Candidate, Timing
    from livecam.inference.tuned import Choice

_COLUMNS: Final = ("network", "backend", "median ms", "runs", "error", "")
_KEYS: Final = tuple(
    key for key in SETTINGS.values() if key.section in {"models", "neural"} and key.path != "models.provider"
)


@click.command(
    "tune",
    cls=SettingsCommand,
    epilog=examples(
        "livecam engines tune                       the networks of the configured preset",
        "livecam engines tune --preset balanced",
        "livecam engines tune inswapper_128 --seconds 5",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--seconds", default=1.0, show_default=True, type=click.FloatRange(0.05, 600), help="For each way.")
@json_option
@partial(with_settings, keys=_KEYS)
@click.pass_context
def tune(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    seconds: float,
    as_json: bool,
    config_file: Path | None,
    **given: object,
) -> None:
    """Measure the networks NAME, else those of the preset, on every backend that works here.

    The quickest that agrees with the 32-bit network on the processor is kept, and `--provider auto` takes it from then
    on, until the card, its driver or a package changes. Exit code 0 when each network has one.
    """
    from livecam.inference.this_computer import ThisComputer
    from livecam.inference.tuned import place_of, tuned_path, write_tuned

    resolved = resolve(config_file, given)
    models, facts = _asked(names, resolved), ThisComputer()
    with progress_shown() as progress, closing(Card(resolved, progress)) as card:
        work = _Work(resolved, facts, seconds, progress, card)
        found = {model.name: work.tuned(model) for model in models}
    choices = {name: tuning.choice for name, tuning in found.items() if tuning.choice is not None}
    if choices:
        write_tuned(tuned_path(resolved.paths), place_of(facts), choices)
    if as_json:
        print_json({"place": place_of(facts), "networks": [_described(name, each) for name, each in found.items()]})
    else:
        _print(found)
    ctx.exit(0 if len(choices) == len(models) else 1)


@dataclass(frozen=True, slots=True)
class _Tuning:
    """What was measured of a network.

    Attributes:
        timings: Of every way it ran.
        choice: The quickest; None where none gives the right result.
        problem: Why nothing could be measured; "" where it could.
    """

    timings: "Sequence[Timing]" = ()
    choice: "Choice | None" = None
    problem: str = ""


class _Work:
    """Measures one network after the other.

    Args:
        resolved: Where things are.
        facts: The computer.
        seconds: For each way to run a network.
        progress: Told what is measured.
        card: Loads what is compiled.
    """

    def __init__(self, resolved: Resolved, facts: "Facts", seconds: float, progress: "Progress", card: "Card") -> None:
        self._resolved, self._facts, self._seconds, self._progress = resolved, facts, seconds, progress
        self._card = card

    def tuned(self, model: "Model") -> _Tuning:
        """Measure `model`."""
        from livecam.core.clock import MonotonicClock
        from livecam.inference.onnx import threads_for
        from livecam.inference.store import digest_of
        from livecam.inference.tune import candidates, measure, quickest
        from livecam.inference.tuned import Choice

        most = threads_for(float("inf"))
        try:
            digest = digest_of(model, cache_of(self._resolved))
            reference = self._reference(model, most)
        except LivecamError as error:
            return _Tuning(problem=str(error))
        timings = measure(
            lambda candidate: self._load(model, candidate),
            reference,
            candidates(self._facts, most),
            MonotonicClock(),
            self._seconds,
            lambda candidate: self._progress.update(f"{model.name} on {candidate}", 0, 0),
        )
        best = quickest(timings)
        if best is None:
            return _Tuning(timings)
        way = best.candidate
        return _Tuning(timings, Choice(way.backend, way.threads, best.median_ms, best.error, digest))

    def _reference(self, model: "Model", threads: int) -> "Reference":
        from livecam.inference.agreement import Reference
        from livecam.inference.backends import Backend
        from livecam.inference.tune import Candidate

        with closing(self._load(model, Candidate(Backend.CPU, threads))) as exact:
            return Reference.of(exact)

    def _load(self, model: "Model", way: "Candidate") -> "Engine":
        """`model` ready to run."""
        from livecam.inference import onnx
        from livecam.inference.store import installed

        if way.backend.flavour is not None:
            return self._card.load(model, way.backend.flavour)
        path = installed(model, cache_of(self._resolved))
        return onnx.load_model_engine(model, path, str(way.backend), way.threads or None)


class Card:
    """The graphics card, started when a network is first loaded on it; and what is compiled for it.

    Args:
        resolved: Where things are.
        progress: Told what is built.
    """

    def __init__(self, resolved: Resolved, progress: "Progress") -> None:
        self._resolved, self._progress = resolved, progress
        self._device: Device | None = None

    def load(self, model: "Model", flavour: "Flavour") -> "Engine":
        """`model` from its plan, which is built where there is none.

        Raises:
            EngineError: It cannot be built, or does not run.
            ModelError: It is not what its recipe says.
        """
        from livecam.cli.engines_command import plans_of
        from livecam.inference.catalogue import catalogue_folders
        from livecam.inference.cuda_device import CudaDevice
        from livecam.inference.plan_build import Terms, obtain_plan
        from livecam.inference.plan_key import Flavour
        from livecam.inference.plan_request import request_for
        from livecam.inference.store import digest_of, installed
        from livecam.inference.tensorrt import load_plan
        from livecam.inference.toolkits import toolkit

        self._device = self._device or CudaDevice()
        kit, cache, plans = toolkit(flavour), cache_of(self._resolved), plans_of(self._resolved)
        folders = catalogue_folders(self._resolved.paths.recipes, self._resolved.config.models.recipes)
        card = self._device.card() if flavour is Flavour.TENSORRT else ""
        request = request_for(
            model, installed(model, cache), digest_of(model, cache), folders, flavour=flavour, card=card
        )
        plan = obtain_plan(plans, request, model, kit.version, self._progress, Terms(threading.Event()))
        return load_plan(model, plan, kit, self._device, plans)

    def close(self) -> None:
        """Leave the card. Idempotent."""
        device, self._device = self._device, None
        if device is not None:
            device.close()


def _asked(names: Sequence[str], resolved: Resolved) -> "list[Model]":
    """The networks to be measured that are here; of the others it is said that they are not.

    Raises:
        ConfigError: A name is not known, or the preset has none.
    """
    from livecam.errors import ConfigError
    from livecam.inference.catalogue import catalogue_folders
    from livecam.inference.chain import networks_of
    from livecam.inference.store import Presence, presence, pull_command

    if names:
        known = catalogue(resolved)
        check_known(names, known)
        asked = [known[name] for name in dict.fromkeys(names)]
    else:
        folders = catalogue_folders(resolved.paths.recipes, resolved.config.models.recipes)
        asked = list(networks_of(resolved.config.neural.chain, folders).values())
    if not asked:
        preset = resolved.config.neural.preset
        raise ConfigError(f"The preset {preset} has no networks to measure.", "Name one: --preset fast")
    here = [model for model in asked if presence(model, cache_of(resolved)) is Presence.PRESENT]
    for model in asked:
        if model not in here:
            click.echo(f"{model.name} is not here. Run: {pull_command(model.name)}", err=True)
    if not here:
        raise ConfigError("None of these networks is here.", "See: livecam models list")
    return here


def _print(found: Mapping[str, _Tuning]) -> None:
    rows = [_row(name, tuning, timing) for name, tuning in found.items() for timing in tuning.timings]
    print_rows(_COLUMNS, rows, "Nothing was measured.")
    for name, tuning in found.items():
        for problem in _problems(tuning):
            click.echo(f"{name}: {problem}", err=True)


def _problems(tuning: _Tuning) -> Iterator[str]:
    if tuning.problem:
        yield tuning.problem
    for timing in tuning.timings:
        if timing.problem:
            yield f"on {timing.candidate}: {timing.problem}"


def _row(name: str, tuning: _Tuning, timing: "Timing") -> tuple[str, ...]:
    start = (name, str(timing.candidate))
    if timing.problem:
        return (*start, "", "", "", "not taken")
    return (*start, f"{timing.median_ms:.2f}", str(timing.runs), f"{timing.error:.2g}", _mark(tuning, timing))


def _mark(tuning: _Tuning, timing: "Timing") -> str:
    choice, way = tuning.choice, timing.candidate
    return "chosen" if choice is not None and (choice.backend, choice.threads) == (way.backend, way.threads) else ""


def _described(name: str, tuning: _Tuning) -> dict[str, Json]:
    timings: list[Json] = [
        {
            "backend": str(timing.candidate.backend),
            "threads": timing.candidate.threads,
            "median_ms": round(timing.median_ms, 3),
            "runs": timing.runs,
            "error": timing.error if isfinite(timing.error) else None,
            "problem": timing.problem,
            "chosen": _mark(tuning, timing) == "chosen",
        }
        for timing in tuning.timings
    ]
    return {"name": name, "problem": tuning.problem, "timings": timings}
