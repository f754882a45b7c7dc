"""What the drawing commands of ``livecam studio`` ask before anything is loaded: what is missing, wrong, or unwise."""

import json
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.output import Json
from livecam.cli.studio_flags import Wanted
from livecam.config import Paths
from livecam.errors import ConfigError, ExtraMissing, StudioError

if TYPE_CHECKING:
    from livecam.studio.chosen import Options
    from livecam.studio.terms import Caps, Slot, Weights

_EXTRA: Final = ("torch", "diffusers", "transformers", "safetensors", "accelerate")


def missing_extra() -> tuple[str, ...]:
    """What of the extra `studio` cannot be imported here."""
    return tuple(name for name in _EXTRA if find_spec(name) is None)


def demand_extra() -> None:
    """Refuse where nothing can be drawn.

    Raises:
        ExtraMissing: torch, or something else of the extra, is not installed.
    """
    if lacks := missing_extra():
        raise ExtraMissing(
            f"The studio needs packages that are not installed: {', '.join(lacks)}.",
            "Install them: pip install 'livecam[studio]'",
        )


def options_of(want: Wanted, face: int | None = None) -> "Options":
    """What the studio is told of the flags.

    Raises:
        StudioError: A number is out of range.
    """
    from livecam.studio.chosen import Options
    from livecam.studio.terms import Slot

    scales = {Slot(slot): scale for slot, scale in want.scales.items()}
    return Options(
        face=face,
        steps=want.steps,
        strength=want.strength,
        scales=scales,
        seed=want.seed,
        attempts=want.attempts,
        side=want.side,
        unjudged=want.unjudged,
    )


def check_report(report: Path | None, *others: Path) -> None:
    """Refuse a place for the report now rather than after an hour.

    Raises:
        ConfigError: Its folder does not exist, or it would overwrite another file that is named.
    """
    if report is None:
        return
    if report.is_dir() or not report.parent.is_dir():
        raise ConfigError(f"The report cannot be written to {report}.", "Name a file in a folder that exists.")
    if report.resolve() in {other.resolve() for other in others}:
        raise ConfigError(f"The report would overwrite {report}.", "Name another file.")


def write_report(report: Path | None, content: Mapping[str, Json]) -> None:
    """Write what came of it, where that is wanted.

    Raises:
        SinkError: It cannot be written.
    """
    if report is not None:
        from livecam.app.convert_doors import write_whole

        write_whole(report, json.dumps(content, indent=2, ensure_ascii=False).encode())


def refuse_unregistered(name: str, paths: Paths) -> None:
    """Raise what `weights_of` raises where nothing is registered, before anything is loaded."""
    from livecam.studio.locks import read_lock
    from livecam.studio.published import needs_weights
    from livecam.studio.weights import weights_of

    if needs_weights(name) and read_lock(name, paths) is None:
        weights_of(name, paths)


def without_unregistered(options: "Options", caps: "Caps", weights: "Weights | None") -> "Options":
    """`options` without the adapters that nobody registered and no flag asked for; says which.

    Raises:
        StudioError: A flag asks for one that is not registered; or none is on, and the base looks at no photos.
    """
    from livecam.studio.weights import slots_of

    on = options.scales_for(caps)
    filled = frozenset(on) if weights is None else slots_of(caps.name, weights)
    absent = [slot for slot in on if slot not in filled]
    register = f"livecam studio register {caps.name} --base FOLDER {' '.join(f'--{slot} FILE' for slot in absent)}"
    if asked := [slot for slot in absent if slot in options.scales]:
        raise StudioError(f"No adapter is registered for {', '.join(asked)}.", f"Register it: {register}")
    if not caps.references and len(absent) == len(on):
        why = f"Register one of those that are on: {register}" if on else "All adapters are at 0: leave one on."
        raise StudioError(f"Nothing tells {caps.name} whom to show.", why)
    if absent:
        click.echo(f"Left out, since no adapter is registered: {', '.join(absent)}. {register}", err=True)
    return replace(options, scales={**options.scales, **dict.fromkeys(absent, 0.0)})


def vectors_here(name: str, paths: Paths, slots: "Iterable[Slot]") -> "Mapping[Slot, str]":
    """Whose vectors the registered adapters in `slots` know, by the recogniser's recipe; where they know any."""
    from livecam.studio.weights import vectors_of

    try:
        known = vectors_of(name, paths)
    except StudioError:
        # What is wrong with a file is told when all are checked.
        return {}
    return {slot: known[slot] for slot in slots if slot in known}


def recogniser_for(known: "Mapping[Slot, str]") -> str:
    """By which recogniser faces are best told: the one that most adapters in `known` know; "" where it is all the same.

    Of two as many, the one of the adapter that says more of a face: PuLID and InstantID before FaceID.
    """
    counts = Counter(known[slot] for slot in sorted(known))
    return counts.most_common(1)[0][0] if counts else ""


def warn_of_strangers(known: "Mapping[Slot, str]", told: str) -> None:
    """Say which adapters were trained with another recogniser than the one that faces are told by here.

    Args:
        known: Of each adapter that is on, the recogniser's recipe.
        told: By what faces are told here.
    """
    for slot, wanted in known.items():
        if wanted == told:
            continue
        fetch = f"Fetch the right one: livecam models pull {wanted}"
        both = f"Another adapter knows {told}, and there is one for all: --{slot} 0 leaves this one out."
        click.echo(
            f"The adapter for {slot} was trained with the vectors of {wanted}; here faces are told by {told}, which "
            f"it does not know: the likeness will be poor. {both if told in known.values() else fetch}",
            err=True,
        )


def go_quietly_offline() -> None:
    """Tell the studio's libraries, before they are imported, to stay off the network and to speak of failures only."""
    from livecam.studio.offline import go_offline

    go_offline()
    for name in ("TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY"):
        os.environ.setdefault(name, "error")
    # Of their own parts, to their own authors.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(diffusers|transformers|torch)\b")
