"""``livecam faces views``: what a persona's identity pack holds, and views of the person before the camera."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.enroll_command import Teller
from livecam.cli.faces_shown import noted
from livecam.cli.flags import config_option
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Resolved, load
from livecam.errors import ConfigError

if TYPE_CHECKING:
    from livecam.faces.pack import IdentityPack
    from livecam.faces.pack_store import PackStore


@click.command(
    "views",
    epilog=examples(
        "livecam faces views ann                          what there is",
        "livecam faces views me --camera --preset fast    look into the camera and turn the head slowly",
        "livecam faces views me --forget",
    ),
)
@click.argument("name")
@click.option("--camera", is_flag=True, help="Take views of the person of the persona, who turns the head.")
@click.option("--seconds", type=click.FloatRange(3, 120), default=20.0, show_default=True, help="How long it may take.")
@click.option("--source", metavar="SPEC", help="Which camera, or file:PATH of a recording; else the configured one.")
@click.option("--preset", metavar="NAME", help="For whose swapper; the configured preset unless given.")
@click.option("--forget", is_flag=True, help="Delete the identity pack of NAME.")
@json_option
@config_option
def views(
    name: str,
    camera: bool,
    seconds: float,
    source: str | None,
    preset: str | None,
    forget: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Say from which sides the persona NAME is known, or add views from the camera.

    A neural swapper knows a persona by a vector of numbers, which depends a little on the side that a photo shows. The
    identity pack holds vectors of several sides; with `--angles` livecam swaps with the one that fits the angle of
    your head. Whether that helps, `livecam bench quality CLIP --angles` shows. Views from the camera are for a persona
    of your own face, are compared with its photos, and outweigh generated ones (`livecam studio expand`). No picture
    of you is kept. Adding the persona again with --replace deletes its pack.
    """
    if camera and forget:
        raise ConfigError("--camera adds views and --forget deletes them.", "Give one of them.")
    given: dict[str, object] = {"source.spec": source, "neural.preset": preset}
    resolved = load({path: value for path, value in given.items() if value is not None} or None, config_file)
    if forget:
        there = _store(resolved, name).forget()
        noted(resolved)("persona-views", persona=name, views=0)
        click.echo(f"The identity pack of {name!r} is deleted." if there else f"{name!r} has no identity pack.")
        return
    pack = _taken(resolved, name, seconds) if camera else _store(resolved, name).read()
    if as_json:
        print_json(_plain(pack))
    elif pack is None:
        click.echo(f"{name!r} has no identity pack: its photos alone say who it is.")
    else:
        _print(pack)


def _store(resolved: Resolved, name: str) -> "PackStore":
    from livecam.faces.library import PersonaLibrary
    from livecam.faces.pack_store import PackStore

    return PackStore(PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared).files(name))


def _taken(resolved: Resolved, name: str, seconds: float) -> "IdentityPack":
    """Views from the camera, kept."""
    fetch_missing(resolved)
    from livecam.app.packs import Packs

    packs, teller = Packs(resolved.config, resolved.paths), Teller()
    click.echo(
        f"Views of {name!r}: look into the camera, then turn the head slowly to both sides, up and down.", err=True
    )
    try:
        pack = packs.add_from_camera(name, seconds, teller)
    finally:
        teller.end()
        packs.close()
    noted(resolved)("persona-views", persona=name, views=len(pack.views))
    return pack


def _plain(pack: "IdentityPack | None") -> Json:
    if pack is None:
        return None
    from livecam.faces.pack import weights_in

    return {
        "recogniser": pack.known_by.name,
        "made": pack.made,
        "views": [
            {
                "yaw": round(view.angles.yaw, 1),
                "pitch": round(view.angles.pitch, 1),
                "origin": str(view.origin),
                "weight": view.weight,
                "counts": round(weight, 4),
                "model": view.model,
            }
            for view, weight in zip(pack.views, weights_in(pack.views), strict=True)
        ],
    }


def _print(pack: "IdentityPack") -> None:
    from livecam.faces.pack import weights_in

    origins = Counter(str(view.origin) for view in pack.views)
    told = ", ".join(f"{count} {origin}" for origin, count in origins.items())
    click.echo(f"{told}; known by {pack.known_by.name}; last changed {pack.made}.")
    rows = [
        (
            f"{view.angles.yaw:+.0f}",
            f"{view.angles.pitch:+.0f}",
            f"{view.origin} {view.model}".strip(),
            f"{weight:.2f}",
        )
        for view, weight in zip(pack.views, weights_in(pack.views), strict=True)
    ]
    print_rows(("yaw", "pitch", "from", "counts"), rows, "No view.")
