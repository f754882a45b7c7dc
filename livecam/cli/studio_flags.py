"""The flags that the drawing commands of ``livecam studio`` share, and what they say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final, TypeVar

import click

from livecam.cli.flags import with_settings
from livecam.config import SETTINGS

F = TypeVar("F", bound=Callable[..., object])

BACKENDS: Final = ("klein4b", "flux1", "sdxl-instantid", "tiny")
"""Names of `livecam.studio.backends.CAPS`, said here again, since that brings NumPy."""

SLOTS: Final = ("tokens", "attention", "landmarks")
"""Of `livecam.studio.terms.Slot`."""

STILL_SETTINGS: Final = tuple(
    key
    for key in SETTINGS.values()
    if (key.section in ("label", "provenance", "safety") and key.path != "safety.clear_s")
    or key.path in ("models.cache", "models.provider", "models.recipes", "face.hands")
)
"""The settings that a still heeds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags say; None and "" are for the backend, or for livecam, to choose.

    Attributes:
        backend: By name.
        steps: Of the sampler.
        strength: 0..1, how much is made anew.
        scales: Of adapters, by slot.
        seed: Of the first attempt.
        attempts: The most pictures that are made until one passes.
        side: Of the square that is drawn, px.
        unjudged: Go on where nobody can say whom a picture shows.
        device: Where it works.
        offload: How much of it lies on the card at a time.
        share: It may take a card that a running livecam uses.
        yes: Nothing is asked.
        replace: OUT may be there.
        report: Where to write what came of it, JSON.
    """

    backend: str
    steps: int | None
    strength: float | None
    scales: Mapping[str, float]
    seed: int
    attempts: int
    side: int | None
    unjudged: bool
    device: str
    offload: str
    share: bool
    yes: bool
    replace: bool
    report: Path | None


_FLAGS: Final = {
    "backend": click.option(
        "--backend",
        default=BACKENDS[0],
        show_default=True,
        metavar="NAME",
        help=f"The diffusion model: {', '.join(BACKENDS)}. `tiny` needs no weights and shows the flow alone.",
    ),
    "steps": click.option("--steps", type=int, metavar="NUMBER", help="Of the sampler. [default: the backend's]"),
    "strength": click.option(
        "--strength", type=float, metavar="NUMBER", help="How much is made anew, up to 1. [default: the backend's]"
    ),
    "tokens": click.option("--tokens", type=float, metavar="NUMBER", help="How much the IP-Adapter counts; 0 is off."),
    "attention": click.option("--attention", type=float, metavar="NUMBER", help="How much PuLID counts; 0 is off."),
    "landmarks": click.option(
        "--landmarks", type=float, metavar="NUMBER", help="How much the control network of the landmarks counts."
    ),
    "seed": click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        metavar="NUMBER",
        help="The same gives the same picture on the same machine. [default 0]",
    ),
    "attempts": click.option(
        "--attempts",
        type=click.IntRange(1, 100),
        default=3,
        metavar="NUMBER",
        help="The most pictures that are made, with the seeds that follow, until one passes. [default 3]",
    ),
    "side": click.option(
        "--side", type=int, metavar="PX", help="Of the square that is drawn, a multiple of 16. [default: the backend's]"
    ),
    "unjudged": click.option(
        "--unjudged", is_flag=True, help="Go on without a recogniser: nobody says whom the picture shows."
    ),
    "device": click.option(
        "--device", type=click.Choice(["cuda", "mps", "cpu"]), help="Where it works. [default: the best there is]"
    ),
    "offload": click.option(
        "--offload",
        type=click.Choice(["none", "model", "sequential"]),
        help="What lies on the card: all networks, one at a time, one layer at a time. [default: what fits]",
    ),
    "share": click.option("--share", is_flag=True, help="Take the graphics card though a livecam that runs uses it."),
    "yes": click.option("--yes", is_flag=True, help="Ask nothing, however long it will take."),
    "replace": click.option("--replace", is_flag=True, help="Replace OUT when it exists."),
    "report": click.option(
        "--report", type=click.Path(path_type=Path), metavar="PATH", help="Write what came of it to this JSON file."
    ),
}


which_face: Final = click.option(
    "--face",
    type=click.IntRange(0, 99),
    metavar="NUMBER",
    help="Which of several faces: counted from the left from 1 on, or 0 for the largest.",
)
"""The flag of commands over pictures that may show several."""


def drawing(function: F) -> F:
    """Give a command the flags of `Wanted`, ``--config``, and those of the settings that a still heeds."""
    return drawing_without()(function)


def drawing_without(*names: str) -> Callable[[F], F]:
    """As `drawing`, without the flags `names`, which would have no effect on what the command makes."""

    def give(function: F) -> F:
        flags = [flag for name, flag in _FLAGS.items() if name not in names]
        return reduce(lambda inner, flag: flag(inner), reversed(flags), with_settings(function, STILL_SETTINGS))

    return give


_OWN: Final = frozenset(Wanted.__dataclass_fields__) | set(SLOTS)
_LEFT_OUT: Final[Mapping[str, object]] = {"strength": None, "attempts": 1, "unjudged": False}
"""Of the flags that some commands do not have."""


def wanted(given: dict[str, object]) -> Wanted:
    """What the flags among `given` say; they are taken out of it, and what is left are settings."""
    own = {**_LEFT_OUT, **{name: given.pop(name) for name in tuple(given) if name in _OWN}}
    scales = {slot: own.pop(slot) for slot in SLOTS}
    kept = {slot: scale for slot, scale in scales.items() if isinstance(scale, float)}
    own |= {"device": own["device"] or "", "offload": own["offload"] or ""}
    return Wanted(scales=kept, **own)  # type: ignore[arg-type]


def told_cosine(cosine: float, judged: bool, told: str) -> str:
    """How alike a face is, as far as that can be told by `told`."""
    return f"cosine {cosine:.2f} by {told}" if judged else "whom it shows was not judged"
