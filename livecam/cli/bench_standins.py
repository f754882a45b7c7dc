"""``livecam bench stand-ins``: try a preset without its weights."""

from pathlib import Path

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import cache_of, catalogue, check_known, presets
from livecam.cli.output import examples
from livecam.config import load
from livecam.errors import ConfigError


@click.command(
    "stand-ins",
    epilog=examples(
        "livecam bench stand-ins try --preset balanced",
        "livecam bench stand-ins try --preset quality --divisor 16",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--preset", default="balanced", show_default=True, metavar="NAME", help="Whose networks.")
@click.option(
    "--divisor",
    default=0,
    show_default=True,
    type=click.IntRange(0, 64),
    help="0: the face is tinted and brightened. N: layers as published, widths divided by N; the face becomes noise.",
)
@config_option
def stand_ins(folder: Path, preset: str, divisor: int, config_file: Path | None) -> None:
    """Write stand-ins of a preset's networks into FOLDER, and say how to run with them.

    They have the exact inputs and outputs of the published networks and nobody's weights: they show that everything
    around the networks works, and swap nothing; so a run refuses them on a camera, where your own face would be seen.
    """
    from livecam.bench.standins.folder import MODELS, RECIPES, write_folder
    from livecam.inference.catalogue import recipe_files
    from livecam.inference.pull import with_needed

    resolved = load(path=config_file)
    known = catalogue(resolved)
    check_known([preset], presets(), "preset")
    models = with_needed([known[name] for name in presets()[preset].networks], known.__getitem__)
    if not models:
        raise ConfigError(f"The preset {preset} needs no published networks.", "Try --preset balanced.")
    try:
        written = write_folder(folder, models, recipe_files(), divisor, cache_of(resolved))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}.", "Name another folder.") from None
    for path in written:
        click.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    given = f"--preset {preset} --recipes {folder / RECIPES} --models-dir {folder / MODELS} --source synthetic"
    click.echo(f"\nTry them: livecam run {given}")
