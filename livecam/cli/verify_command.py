"""``livecam verify``: whether livecam made a video."""

from pathlib import Path

import click

from livecam.cli.flags import config_option
from livecam.cli.output import examples, json_option, print_json
from livecam.config import load
from livecam.core.spec import parse_spec

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

    Exit code 0: it is there. 4: it was not found, which proves nothing.
    """
    if (file is None) == (camera is None):
        raise click.UsageError("Name a FILE, or a --camera.")
    resolved = load(path=config_file)
    from livecam.app.keys import mark_key
    from livecam.app.verify import verify_file, verify_source

    key = mark_key(resolved.paths)
    if file is not None:
        verdict = verify_file(file, key)
    else:
        assert camera is not None
        verdict = verify_source(parse_spec(camera), resolved.config, seconds, key)
    if as_json:
        print_json(
            {
                "mark": bool(verdict.marked),
                "score": round(verdict.score, 2),
                "by_chance": verdict.chance,
                "seconds": round(verdict.seconds, 2),
                "windows": len(verdict.windows),
                "windows_marked": len(verdict.marked),
                "sessions": [f"{session:08x}" for session in verdict.sessions],
            }
        )
    else:
        for line in verdict.lines():
            click.echo(line)
    if not verdict.marked:
        raise click.exceptions.Exit(_NOT_FOUND)
