"""``livecam studio swap``: a persona's face in a photo, or in a folder of photos."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.completing import complete_persona
from livecam.cli.flags import SettingsCommand
from livecam.cli.output import examples
from livecam.cli.studio_batch import Job, Made, Task, each
from livecam.cli.studio_flags import drawing, told_cosine, which_face
from livecam.cli.studio_shop import Shop

if TYPE_CHECKING:
    from livecam.core.frame import Image
    from livecam.studio.terms import Step


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam studio swap photo.jpg nobody out.png --backend tiny    see the flow, without weights",
        "livecam studio swap photo.jpg ann out.png",
        "livecam studio swap group.jpg ann out.png --face 2             the second face from the left",
        "livecam studio swap holiday/ ann swapped/                      every photo of a folder",
        "livecam studio swap photo.jpg ann out.jpg --backend flux1 --attention 0.9 --seed 7",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("persona", metavar="PERSONA", shell_complete=complete_persona)
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@which_face
@drawing
def swap(source: Path, persona: str, target: Path, face: int | None, config_file: Path | None, **given: object) -> None:
    """Put PERSONA's face into the photo IN and write it to OUT, at IN's resolution. Not live.

    The square around the face is drawn anew by a diffusion model where the face is bare, and pasted back; glasses, hair
    and hands before it stay as they are, where a face parser is here (livecam models pull bisenet_resnet_34). What was
    made is kept only if a recogniser takes it for the persona. IN is only read, and what is noted in it (place, device)
    is not taken over. IN may be a folder: each photo in it is swapped into the folder OUT, and one that cannot be is
    told and left out; the exit code is then 1.
    """
    each(Task("swap", persona, face, _swapped), source, target, config_file, given)


def _swapped(shop: Shop, job: Job, image: "Image", step: "Step") -> Made:
    from livecam.studio.swap import swap as draw

    assert shop.likeness is not None, "a persona was named"
    swapped = draw(image, shop.backend, shop.likeness, shop.stills.faces, shop.options, step)
    report = swapped.report
    alike = told_cosine(report.cosine, report.judged, report.told)
    said = f"Swapped {job.source} into {job.target} in {report.seconds:.1f} s ({alike})"
    return Made(swapped.image, asdict(report), said)
