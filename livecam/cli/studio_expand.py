"""``livecam studio expand``: one photo of a persona becomes views from the side, for its identity pack."""

from collections.abc import Iterable, Mapping
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.completing import complete_persona
from livecam.cli.flags import SettingsCommand, resolve
from livecam.cli.logs import start_log
from livecam.cli.output import Json, examples, print_rows
from livecam.cli.studio_asked import check_report, write_report
from livecam.cli.studio_flags import drawing_without, wanted
from livecam.cli.studio_shop import Shop, opened
from livecam.config import Resolved
from livecam.errors import ConfigError, SinkGone

if TYPE_CHECKING:
    from livecam.app.packs import GeneratedViews
    from livecam.studio.expand import Drawn, Expanded

_HEADERS = ("view", "cosine", "landmarks", "sharpness", "what became of it")
_SHEET = "sheet.png"


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam studio expand nobody --backend tiny --out views/   see the flow, without weights",
        "livecam studio expand ann",
        "livecam studio expand ann --backend sdxl-instantid --out views/",
        "livecam faces views ann                                    what is in the pack now",
        "livecam run --preset fast --persona ann --angles           use it",
    ),
)
@click.argument("persona", metavar="PERSONA", shell_complete=complete_persona)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write every picture and a contact sheet there too. Where nothing may be kept, it has to be named.",
)
@drawing_without("strength", "attempts", "unjudged")
def expand(persona: str, out: Path | None, config_file: Path | None, **given: object) -> None:
    """Draw PERSONA from 11 head angles in 2 lights, and keep what passes in its identity pack. Not live.

    A view passes when there is one sharp face in it, where it was to be, and a recogniser takes it for the persona
    (0.60, from the front 0.70). It counts 0.3 of a real one at most, and nothing where the guided webcam has seen the
    person from that side (`livecam faces views NAME --camera`, which is better and needs no model); profiles cannot be
    judged and count nothing. Earlier generated views are replaced. A live swap uses the pack with `--angles`, which is
    off unless told; `livecam bench quality CLIP --angles` shows whether it helps.
    """
    want = wanted(given)
    resolved = resolve(config_file, given)
    start_log(resolved.config.log)
    from livecam.studio.backends import caps_of
    from livecam.studio.expand import expand as draw
    from livecam.studio.expand import refuse_keeping
    from livecam.studio.presets import LIGHTS, PRESETS

    if out is None:
        refuse_keeping(caps_of(want.backend).test, True, "")
    else:
        names = [f"{preset.name}-{light.name}.png" for preset in PRESETS for light in LIGHTS]
        _make_folder(out, [*names, _SHEET], replace=want.replace)
    check_report(want.report)
    with opened(resolved, want, persona) as shop:
        assert shop.likeness is not None, "a persona was named"
        faces = shop.stills.faces
        pack = _pack(resolved, shop, persona, looked=out is not None)
        shop.announce(1.0, len(PRESETS) * len(LIGHTS))
        expanded = draw(shop.likeness, shop.backend, faces, shop.options, shop.drawing)
        shop.refuse_stopped()
        for one in expanded.drawn:
            shop.stills.check(one.image, f"The view {one.name}")
        _print(expanded)
        if out is not None:
            _publish(shop, expanded, persona, out)
        kept = _kept(pack, shop, expanded, persona)
    write_report(want.report, _plain(expanded, persona, kept))


def _pack(resolved: Resolved, shop: Shop, persona: str, *, looked: bool) -> "GeneratedViews | None":
    """Where views are to be kept; None where none may be, and they are to be `looked` at alone.

    Raises:
        StudioError: None may be kept, and nobody would look at them.
        PersonaError: The persona has a pack that they do not go into.
    """
    from livecam.app.packs import GeneratedViews
    from livecam.faces.builtin import BUILT_IN
    from livecam.studio.expand import refuse_keeping

    faces = shop.stills.faces
    if looked and (shop.caps.test or not faces.knows or persona == BUILT_IN):
        return None
    refuse_keeping(shop.caps.test, faces.knows, faces.told)
    return GeneratedViews(resolved.config, resolved.paths, persona, faces.told)


def _print(expanded: "Expanded") -> None:
    from livecam.studio.sheet import lines

    print_rows(_HEADERS, list(lines(expanded)), "Nothing was drawn.")
    judged = "" if expanded.judged else f", but whom they show was only measured, by {expanded.told}"
    click.echo(f"{len(expanded.accepted)} of {len(expanded.drawn)} views passed{judged}.")


def _publish(shop: Shop, expanded: "Expanded", persona: str, folder: Path) -> None:
    """Write every picture and the contact sheet, each as all pictures of the studio leave."""
    from livecam.studio.sheet import contact_sheet

    pictures = {f"{one.name}.png": one.image for one in expanded.drawn}
    pictures[_SHEET] = contact_sheet(expanded.drawn)
    carried = ""
    for name, image in pictures.items():
        carried = shop.publish(image, folder / name, persona, "view", {"seed": shop.options.seed})
    click.echo(f"Wrote {len(pictures)} pictures into {folder}, {_SHEET} among them; each is {carried}.")


def _kept(generated: "GeneratedViews | None", shop: Shop, expanded: "Expanded", persona: str) -> int:
    """How many views the pack was given; says what is in it now, or why nothing was kept."""
    if generated is None:
        random = "the backend has random weights"
        why = random if expanded.test else f"{persona!r} has none" if expanded.judged else "nobody can judge views here"
        click.echo(f"Nothing was kept in the identity pack: {why}.")
        return 0
    views = expanded.views()
    if not views:
        click.echo("No view passed, so the identity pack is as it was. Another --seed or backend may do better.")
        return 0
    assert shop.likeness is not None, "a persona was named"
    pack = generated.keep(shop.likeness, views)
    shop.stills.note("expand", persona, {"backend": expanded.model, "views": len(views)})
    count = sum(view.weight > 0 for view in views)
    click.echo(
        f"Kept {len(views)} generated views of {persona!r}, {count} of which count; its pack has {len(pack.views)}."
    )
    return len(views)


def _plain(expanded: "Expanded", persona: str, kept: int) -> Mapping[str, Json]:
    return {
        "persona": persona,
        "backend": expanded.model,
        "told": expanded.told,
        "judged": expanded.judged,
        "kept": kept,
        "views": [_plain_view(one) for one in expanded.drawn],
    }


def _plain_view(one: "Drawn") -> Mapping[str, Json]:
    return {
        "name": one.name,
        "yaw": one.preset.yaw,
        "pitch": one.preset.pitch,
        "faces": one.faces,
        "cosine": None if isnan(one.cosine) else round(one.cosine, 4),
        "landmark_error": None if isnan(one.error) else round(one.error, 5),
        "sharpness": None if isnan(one.sharpness) else round(one.sharpness, 4),
        "accepted": one.accepted,
        "weight": one.weight,
        "reason": one.reason,
    }


def _make_folder(folder: Path, names: Iterable[str], *, replace: bool) -> None:
    """Make sure, before minutes of work, that pictures called `names` can be kept.

    Raises:
        ConfigError: One of them is there already, and may not be replaced.
        SinkGone: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkGone(f"{folder} cannot be made: {error.strerror}.", "Name another folder with --out.") from None
    there = next((name for name in names if (folder / name).exists()), None)
    if there is not None and not replace:
        raise ConfigError(f"{folder / there} exists.", "Name another folder with --out, or replace it with --replace.")
