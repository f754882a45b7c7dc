"""``livecam studio restore``: the fine detail of a face, without changing whom it shows."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.completing import complete_persona
from livecam.cli.flags import SettingsCommand
from livecam.cli.output import examples
from livecam.cli.studio_batch import Job, Made, Task, each
from livecam.cli.studio_flags import drawing_without, which_face
from livecam.cli.studio_shop import Shop

if TYPE_CHECKING:
    from livecam.core.frame import Image
    from livecam.studio.terms import Step


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam studio restore old.jpg better.png --backend tiny      see the flow, without weights",
        "livecam studio restore old.jpg better.png",
        "livecam studio restore swapped.png better.png --persona ann   after photos of whom it shows",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--persona", metavar="NAME", shell_complete=complete_persona, help="Whom IN shows, if that is a persona.")
@which_face
@drawing_without("attempts")
def restore(
    source: Path, target: Path, persona: str | None, face: int | None, config_file: Path | None, **given: object
) -> None:
    """Restore skin and fine detail of the face in the photo IN and write it to OUT. Not live.

    The face is drawn anew at a low strength, and only the fine light of that is kept: no colour, no shape. It is kept
    only as far as a recogniser takes the face for the same person as before, and its landmarks stay where they are;
    where nothing passes, the picture is left as it is, and that is told. IN may be a folder, as for `swap`.
    """
    each(Task("restore", persona or "", face, _restored, _usual_strength), source, target, config_file, given)


def _usual_strength() -> float:
    from livecam.studio.restore import STRENGTH

    return STRENGTH


def _restored(shop: Shop, job: Job, image: "Image", step: "Step") -> Made:
    from livecam.studio.restore import restore as draw

    restored = draw(image, shop.backend, shop.likeness, shop.stills.faces, shop.options, step)
    report = restored.report
    return Made(restored.image, asdict(report), f"{report.sentence} {job.target} was made in {report.seconds:.1f} s")
