"""``livecam verify``: whether livecam made a video."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livecam.cli.flags import config_option
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.config import load
from livecam.core.spec import parse_spec
from livecam.errors import ExtraMissing

if TYPE_CHECKING:
    from livecam.app.provenance.manifest import Manifest
    from livecam.app.verify import Verdict

_NOT_FOUND = 4
"""Neither done nor failed: nothing was found."""


@click.command(
    epilog=examples(
        "livecam verify call.mp4",
        "livecam verify --camera camera:livecam      what a camera shows, for 12 s",
        "livecam verify call.mp4 --json",
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--camera", metavar="SPEC", help="A camera, or any other source, instead of a file.")
@click.option("--seconds", type=click.FloatRange(4, 600), default=12.0, show_default=True, help="Of a camera.")
@json_option
@config_option
def verify(file: Path | None, camera: str | None, seconds: float, as_json: bool, config_file: Path | None) -> None:
    """Look for livecam's invisible mark in a video FILE, which may have been encoded again, scaled or cut.

    Also for a C2PA manifest, where the extra `provenance` is installed.

    Exit code 0: it is there. 4: it was not found, which proves nothing.
    """
    if (file is None) == (camera is None):
        raise click.UsageError("Name a FILE, or a --camera.")
    resolved = load(path=config_file)
    from livecam.app.keys import mark_key
    from livecam.app.verify import verify_file, verify_source

    key = mark_key(resolved.paths)
    if file is not None:
        verdict, claim = verify_file(file, key), _claim(file)
    else:
        assert camera is not None
        verdict, claim = verify_source(parse_spec(camera), resolved.config, seconds, key), None
    if as_json:
        print_json({**_figures(verdict), "c2pa": asdict(claim) if claim else None})
    else:
        for line in (*verdict.lines(), *(_claimed(claim) if file is not None else ())):
            click.echo(line)
    if not verdict.marked:
        raise click.exceptions.Exit(_NOT_FOUND)


def _claim(file: Path) -> "Manifest | None":
    """What the file says about itself; None where it says nothing, or nobody here can read it."""
    from livecam.app.provenance.manifest import read

    try:
        return read(file)
    except ExtraMissing:
        return None


def _claimed(claim: "Manifest | None") -> "Iterator[str]":
    from livecam.app.provenance.manifest import readable, told

    if claim is None and not readable():
        yield "Whether it carries a C2PA manifest was not looked for: pip install 'livecam[provenance]'."
    else:
        yield from told(claim)


def _figures(verdict: "Verdict") -> dict[str, Json]:
    return {
        "mark": bool(verdict.marked),
        "score": round(verdict.score, 2),
        "by_chance": verdict.chance,
        "seconds": round(verdict.seconds, 2),
        "windows": len(verdict.windows),
        "windows_marked": len(verdict.marked),
        "sessions": [f"{session:08x}" for session in verdict.sessions],
    }
