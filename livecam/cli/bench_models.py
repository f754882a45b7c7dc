"""``livecam bench models``: how long the networks take on this machine."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, embedded_names, presets
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import load
from livecam.core.clock import MonotonicClock

if TYPE_CHECKING:
    from livecam.bench.models import Speed, Subject
    from livecam.inference.model import Model

_COLUMNS: Final = ("network", "task", "provider", "p50 ms", "p95 ms", "runs", "GFLOP", "GFLOP/s", "weights")
_TOLD: Final = (
    "Stand-ins have random weights. Those of full width have the published layers and cost what the published cost."
)
_NOTHING: Final = "There are no networks to measure on this machine."


@click.command(
    "models",
    epilog=examples(
        "livecam bench models                     what is here, and stand-ins for the presets",
        "livecam bench models --preset balanced",
        "livecam bench models inswapper_128 gfpgan_1.4 --provider cuda",
        "livecam bench models --no-stand-ins --json",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--preset", metavar="NAME", help="The networks of this preset.")
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="May be repeated. [default: all that work]"
)
@click.option("--stand-ins/--no-stand-ins", default=True, show_default=True, help="For networks that are not here.")
@click.option(
    "--divisor",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Of the widths of stand-ins; 16 is quick, and says nothing about the published networks.",
)
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0.05, 600), help="For each network.")
@json_option
@config_option
@click.pass_context
def models(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    preset: str | None,
    providers: tuple[str, ...],
    stand_ins: bool,
    divisor: int,
    seconds: float,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Say how long the networks take, in ms a run, by provider.

    Measures the networks on this machine; for missing ones that you name, or that a preset needs, stand-ins with random
    weights, plainly labelled. Exit code 0 when all of them ran.
    """
    from livecam.bench.models import default_providers, measure

    resolved = load(path=config_file)
    scope = _Scope(cache_of(resolved), catalogue(resolved), divisor if stand_ins else 0)
    subjects = _subjects(names, preset, scope)
    speeds = []
    for subject in subjects:
        for provider in providers or default_providers():
            click.echo(f"Measuring {subject.name} on {provider}.", err=True)
            speeds.append(measure(subject, provider, seconds, MonotonicClock()))
    if as_json:
        print_json(_place() | {"networks": [speed.to_json() for speed in speeds]})
    else:
        _print(speeds)
    ctx.exit(1 if any(speed.problem for speed in speeds) else 0)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What can be measured.

    Attributes:
        cache: Folder of all networks.
        known: The catalogue.
        divisor: Of the widths of stand-ins; 0 for none at all.
    """

    cache: Path
    known: "Mapping[str, Model]"
    divisor: int


def _subjects(names: Sequence[str], preset: str | None, scope: _Scope) -> "list[Subject]":
    """What is asked for: by name or preset, or else all that is here and stand-ins for what the presets lack.

    Raises:
        ConfigError: A name is not known.
    """
    check_known(names, {*scope.known, *embedded_names()})
    check_known([preset] if preset else [], presets(), "preset")
    asked = [*names, *_of_preset(preset, scope)] if preset else list(names)
    if asked:
        found = [_here(name, scope) or _replacement(name, scope) for name in dict.fromkeys(asked)]
    else:
        lacking = {name for each in presets() for name in _of_preset(each, scope)}
        every = (*scope.known, *embedded_names())
        found = [_here(name, scope) or (_replacement(name, scope) if name in lacking else None) for name in every]
    return [subject for subject in found if subject is not None]


def _of_preset(name: str, scope: _Scope) -> list[str]:
    """Its networks and those its swapper needs; the embedded ones where it names none."""
    from livecam.inference.pull import with_needed

    named = presets()[name].networks
    if not named:
        return list(embedded_names())
    return [model.name for model in with_needed([scope.known[each] for each in named], scope.known.__getitem__)]


def _here(name: str, scope: _Scope) -> "Subject | None":
    """The network itself; None where it is not on this machine."""
    from livecam.bench.models import embedded, published
    from livecam.inference.recipes import load_recipe

    if name in embedded_names():
        return embedded(load_recipe(name), scope.cache)
    return published(scope.known[name], scope.cache)


def _replacement(name: str, scope: _Scope) -> "Subject | None":
    """A stand-in for `name`; where there is none, it is said why."""
    from livecam.bench.models import stand_in

    if name in embedded_names():
        click.echo(f"{name} is not here. Run: livecam models fetch", err=True)
        return None
    subject = stand_in(scope.known[name], scope.cache, scope.divisor) if scope.divisor else None
    if subject is None:
        why = "its layers are not known, so no stand-in costs the same" if scope.divisor else "stand-ins are off"
        click.echo(f"{name} is not here, and {why}. Run: livecam models pull {name}", err=True)
    return subject


def _print(speeds: "Sequence[Speed]") -> None:
    print_rows(_COLUMNS, [_row(speed) for speed in speeds], _NOTHING)
    if any(speed.stand_in for speed in speeds):
        click.echo(_TOLD, err=True)
    for speed in speeds:
        if speed.problem:
            click.echo(f"{speed.name} on {speed.provider}: {speed.problem}", err=True)


def _row(speed: "Speed") -> tuple[str, ...]:
    start = (speed.name, speed.task, speed.provider)
    if speed.problem:
        return (*start, "failed", "", "", "", "", speed.weights)
    cost = (f"{speed.gflop:.3g}", f"{speed.gflop_per_s:.3g}") if speed.gflop else ("", "")
    return (*start, f"{speed.p50_ms:.2f}", f"{speed.p95_ms:.2f}", str(speed.runs), *cost, speed.weights)


def _place() -> dict[str, Json]:
    """Where it was measured."""
    from importlib.metadata import version

    import onnxruntime

    return {
        "livecam": version("livecam"),
        "onnxruntime": onnxruntime.__version__,
        "system": platform.system(),
        "cores": os.cpu_count(),
    }
