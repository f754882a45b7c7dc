"""``livecam enroll``: whose face is swapped, and nobody else's."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import Json, examples, json_option, print_json, print_rows
from livecam.config import Resolved, load
from livecam.faces.names import checked_name

if TYPE_CHECKING:
    from livecam.app.people import Told


@click.command(
    epilog=examples(
        "livecam enroll                        you, as `me`: look into the camera and turn the head slowly",
        "livecam enroll ann --source camera:1  somebody else, before another camera",
        "livecam enroll --list",
        "livecam enroll --forget ann",
    )
)
@click.argument("name", default="me")
@click.option("--seconds", type=click.FloatRange(3, 120), default=10.0, show_default=True, help="How long it may take.")
@click.option("--source", metavar="SPEC", help="Which camera, or file:PATH of a recording; else the configured one.")
@click.option("--list", "listing", is_flag=True, help="List who is enrolled.")
@click.option("--forget", is_flag=True, help="Delete the enrolment of NAME.")
@json_option
@config_option
def enroll(
    name: str,
    seconds: float,
    source: str | None,
    listing: bool,
    forget: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Enrol NAME, so that only enrolled faces are swapped, wherever they are in the picture.

    What is kept is no picture but numbers that a face is told by, encrypted. Other people are treated as --others says;
    whoever may be enrolled, but is not surely so, is blurred.
    """
    resolved = load({"source.spec": source} if source is not None else None, config_file)
    if listing:
        _list(resolved, as_json)
        return
    # They bring OpenCV.
    from livecam.app import people
    from livecam.app.wearers import enrolled_in

    if forget:
        enrolled_in(resolved.paths).forget(name)
        click.echo(f"The enrolment of {name!r} is deleted.")
        return
    fetch_missing(resolved)
    checked_name(name)
    click.echo(f"Enrolling {name!r}: look into the camera, then turn the head slowly to both sides, up and down.")
    teller = Teller()
    template = people.enroll(resolved.config, resolved.paths, name, seconds, teller)
    teller.end()
    click.echo(f"Enrolled {template.name!r} from {len(template.views)} views, {template.look}.")


def _is_live() -> bool:
    return sys.stderr.isatty()


class Teller:
    """Says what to do: one line that changes on a terminal, a line for each new hint elsewhere."""

    def __init__(self) -> None:
        self._live = _is_live()
        self._last = ""

    def __call__(self, told: "Told") -> None:
        """See how far it has come."""
        if self._live:
            click.echo(f"\r{told.progress:4.0%} {told.left_s:4.1f} s  {told.hint:<60}", nl=False, err=True)
        elif told.hint != self._last:
            click.echo(told.hint, err=True)
        self._last = told.hint

    def end(self) -> None:
        """Leave the line."""
        if self._live and self._last:
            click.echo(err=True)


def _list(resolved: Resolved, as_json: bool) -> None:
    from livecam.app.wearers import anybody_enrolled, enrolled_in

    templates = enrolled_in(resolved.paths).load_all() if anybody_enrolled(resolved.paths) else {}
    rows: list[dict[str, Json]] = [
        {"name": each.name, "views": len(each.views), "told": each.look, "made": each.made}
        for each in templates.values()
    ]
    if as_json:
        print_json(rows)
        return
    cells = [[str(value) for value in row.values()] for row in rows]
    print_rows(("name", "views", "told", "made"), cells, "Nobody is enrolled: the face followed longest is swapped.")
