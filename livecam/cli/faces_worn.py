"""``livecam faces set`` and ``livecam faces favourite``: how a persona is worn, and on which number key it is."""

import click

from livecam.cli.output import examples, print_rows
from livecam.config import PresetName, load
from livecam.errors import ConfigError

_USUAL = "usual"
_NONE = "none"


@click.command(
    "set",
    epilog=examples(
        "livecam faces set ann --blend 0.6 --colour 0.4",
        "livecam faces set ann --preset quality",
        "livecam faces set ann --blend usual",
    ),
)
@click.argument("name")
@click.option("--preset", metavar="PRESET|usual", help="The networks that swap, while it is worn.")
@click.option("--blend", metavar="0..0.85|usual", help="How much of the enhancer shows.")
@click.option("--colour", metavar="0..1|usual", help="How far it takes on the colours of your face.")
@click.option("--shape", metavar="0..1|usual", help="How far your proportions move to its own.")
def set_worn(name: str, preset: str | None, blend: str | None, colour: str | None, shape: str | None) -> None:
    """Give the persona NAME settings of its own, which hold while it is worn; `usual` takes one back."""
    from livecam.faces.library import PersonaLibrary
    from livecam.faces.worn import WornAs, told_worn

    paths = load().paths
    library = PersonaLibrary(paths.personas, {}, paths.prepared)
    own = library.worn_as(name)
    worn = WornAs(
        _preset(preset, own.preset),
        _share("blend", blend, own.blend),
        _share("colour", colour, own.colour),
        _share("shape", shape, own.shape),
    )
    library.wear_as(name, worn)
    click.echo(f"{name} is worn {told_worn(worn)}.")


@click.command(
    epilog=examples("livecam faces favourite ann 3", "livecam faces favourite ann none", "livecam faces favourite")
)
@click.argument("name", required=False)
@click.argument("number", required=False, metavar="[1..9|none]")
def favourite(name: str | None, number: str | None) -> None:
    """Put the persona NAME on a number key, or on none; without a name list who is on which."""
    from livecam.faces.favourites import Favourites, path_of
    from livecam.faces.library import PersonaLibrary

    resolved = load()
    favourites = Favourites(path_of(resolved.paths.data), resolved.config.bank.favourites)
    if name is None:
        rows = [(str(key), persona) for key, persona in favourites.all().items()]
        print_rows(("key", "persona"), rows, "No persona is on a number key.")
        return
    if number is None:
        raise ConfigError(f"On which key is {name} to be?", f"Say it: livecam faces favourite {name} 3, or none.")
    known = PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared).show(name).name
    favourites.set(known, None if number == _NONE else _digit(number))
    click.echo(f"{known} is on {number}." if number != _NONE else f"{known} is on no key.")


def _preset(said: str | None, own: PresetName | None) -> PresetName | None:
    """What was said, or the persona's `own` where nothing was."""
    if said is None or said == _USUAL:
        return own if said is None else None
    try:
        return PresetName(said)
    except ValueError:
        raise ConfigError(f"There is no preset {said!r}.", f"Known: {', '.join(PresetName)}, or {_USUAL}.") from None


def _share(key: str, said: str | None, own: float | None) -> float | None:
    """What was said for `key`, or the persona's `own` where nothing was."""
    if said is None or said == _USUAL:
        return own if said is None else None
    try:
        return float(said)
    except ValueError:
        raise ConfigError(f"--{key} takes a number, or {_USUAL}, not {said!r}.") from None


def _digit(said: str) -> int:
    if not said.isdecimal():
        raise ConfigError(f"A key is a digit from 1 to 9, or none, not {said!r}.")
    return int(said)
