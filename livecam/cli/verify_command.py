"""``livecam verify``: whether livecam made a video or a picture."""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from livecam.cli.flags import config_option
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.config import Paths, load
from livecam.core.spec import parse_spec
from livecam.errors import ExtraMissing, LivecamError, PersonaError

if TYPE_CHECKING:
    from livecam.app.provenance.manifest import Manifest
    from livecam.app.verdict import Verdict

_NOT_FOUND = 4
"""Neither done nor failed: nothing was found."""


class _Claim(NamedTuple):
    """What a file says about itself, and in sentences."""

    manifest: "Manifest | None"
    told: tuple[str, ...]


@click.command(
    epilog=examples(
        "livecam verify call.mp4",
        "livecam verify --camera camera:livecam      what a camera shows, for 12 s",
        "livecam verify snapshot.png --json",
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--camera", metavar="SPEC", help="A camera, or any other source, instead of a file.")
@click.option("--seconds", type=click.FloatRange(4, 600), default=12.0, show_default=True, help="Of a camera.")
@json_option
@config_option
def verify(file: Path | None, camera: str | None, seconds: float, as_json: bool, config_file: Path | None) -> None:
    """Look for livecam's invisible mark and its visible label in FILE, a video or a picture.

    It may have been encoded again, scaled or cut, or be the recording of a whole screen. Also for a C2PA manifest,
    where the extra `provenance` is installed.

    Exit code 0: the mark, a label, or a manifest that holds and names AI was found. 4: nothing of it was found, which
    proves nothing. 1: it cannot be looked at.
    """
    if (file is None) == (camera is None):
        raise click.UsageError("Name a FILE, or a --camera.")
    verdict = _verdict(file, camera, seconds, config_file)
    claim = _claimed(file) if file is not None else _Claim(None, ())
    if as_json:
        print_json({**_figures(verdict), "c2pa": asdict(claim.manifest) if claim.manifest is not None else None})
    else:
        for line in (*verdict.lines(), *claim.told):
            click.echo(line)
    claims = claim.manifest is not None and claim.manifest.valid and claim.manifest.modified
    if not (verdict.marked or verdict.labelled or claims):
        raise click.exceptions.Exit(_NOT_FOUND)


def _verdict(file: Path | None, camera: str | None, seconds: float, config_file: Path | None) -> "Verdict":
    resolved = load(path=config_file)
    from livecam.app.verify import verify_file, verify_source

    key, words = _key(resolved.paths), [resolved.config.label.text] if resolved.config.label.text else []
    if file is not None:
        return verify_file(file, key, words=words)
    assert camera is not None
    return verify_source(parse_spec(camera), resolved.config, seconds, key, words=words)


def _key(paths: Paths) -> bytes:
    """Of this installation; where there is none, sessions are nobody's."""
    from livecam.app.keys import mark_key

    try:
        return mark_key(paths)
    except PersonaError as error:
        click.echo(f"Sessions cannot be read. {error}", err=True)
        return secrets.token_bytes(32)


def _claimed(file: Path) -> _Claim:
    """What the file says about itself; nothing where it says nothing, or nobody here can read it."""
    from livecam.app.provenance.manifest import read, told

    try:
        manifest = read(file)
    except ExtraMissing:
        return _Claim(
            None, ("Whether it carries a C2PA manifest was not looked for: pip install 'livecam[provenance]'.",)
        )
    except LivecamError as error:
        return _Claim(None, (str(error),))
    return _Claim(manifest, tuple(told(manifest)))


def _figures(verdict: "Verdict") -> dict[str, Json]:
    texts = {text or "unknown words": count for text, count in verdict.labels.texts.most_common()}
    place = verdict.place
    return {
        "mark": bool(verdict.marked),
        "score": round(verdict.score, 2),
        "by_chance": verdict.chance,
        "seconds": round(verdict.seconds, 2),
        "windows": len(verdict.windows),
        "windows_marked": len(verdict.marked),
        "sessions": [f"{session:08x}" for session in verdict.sessions],
        "place": [round(value, 4) for value in place] if place is not None else None,
        "label": {"share": round(verdict.labels.share, 3), "pictures": verdict.labels.pictures, "texts": texts},
        "still": verdict.still,
        "problem": verdict.problem,
    }
