"""``livecam swap``: a picture or a video file through the same pipeline as the camera."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.logs import start_log
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import examples
from livecam.cli.progress import progress_shown
from livecam.config import SETTINGS

if TYPE_CHECKING:
    from livecam.app.convert_summary import Conversion

F = TypeVar("F", bound=Callable[..., object])

FILE_SETTINGS: Final = tuple(
    key
    for key in SETTINGS.values()
    if (
        key.section in ("face", "people", "models", "neural", "label", "provenance", "safety")
        and key.path not in ("neural.small_enhancer", "safety.clear_s")
    )
    or key.path in ("privacy.hold_ms", "privacy.slate_text", "privacy.slate_picture")
)
"""What `livecam.app.convert` heeds, said here again since importing it brings codecs and networks."""


def _with_file_settings(function: F) -> F:
    return with_settings(function, FILE_SETTINGS)


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam swap photo.jpg swapped.png --persona ann",
        "livecam swap talk.mov talk-ann.mp4 --persona ann --crf 16 --report talk.json",
        "livecam swap talk.mov talk-ann.mp4 --persona ann        again, after Ctrl-C: goes on",
    ),
)
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Replace OUT when it exists.")
@click.option("--start-over", is_flag=True, help="Do not go on with an interrupted conversion.")
@click.option(
    "--crf",
    type=click.IntRange(1, 51),
    default=18,
    metavar="NUMBER",
    help="Quality of the video: 1 is best and largest, 51 worst. [default 18]",
)
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="PATH", help="Write what came of it to this JSON file."
)
@_with_file_settings
def swap(
    source: Path,
    target: Path,
    replace: bool,
    start_over: bool,
    crf: int,
    report: Path | None,
    config_file: Path | None,
    **given: object,
) -> None:
    """Swap the face in a picture or a video file. IN is only read, and the bare face is never written.

    OUT's suffix says what is written: .png, .jpg or .webp for a picture, .mp4, .mov or .mkv for a video, with H.264
    and the sound of IN. Title, place and device noted in IN are not taken over. A video that was interrupted goes on
    when the same command is given again; until it is done, what is finished lies in OUT.part.
    """
    resolved = resolve(config_file, given)
    start_log(resolved.config.log)
    from livecam.app import convert_doors as doors  # brings every driver's neighbours: not for --help

    doors.check_source(source)
    doors.check_target(source, target, replace=replace)
    if report is not None:
        doors.check_report(report, source, target)
    fetch_missing(resolved)
    from livecam.app.convert import Options, convert

    options = Options(crf=crf, replace=replace, start_over=start_over)
    with progress_shown() as progress:
        done = convert(resolved.config, source, target, options, paths=resolved.paths, progress=progress)
    if report is not None:
        doors.write_whole(report, done.to_json().encode())
    for line in told(done):
        click.echo(line)


def told(done: "Conversion") -> Iterator[str]:
    """What came of it, in lines."""
    if done.kind == "image":
        yield f"Swapped the face in {done.source} into {done.target} in {done.seconds:.1f} s."
        yield from _sealed(done)
        return
    share = "all" if done.swapped == done.frames else str(done.swapped)
    took = f"{done.seconds:.1f} s ({done.fps:.1f} frames/s)"
    yield f"Swapped {share} of {done.frames} frames of {done.source} into {done.target} in {took}."
    if done.resumed:
        yield f"An earlier run had finished {done.resumed} of them."
    yield from _stand_ins("The picture before stands in for", done.held)
    yield from _stand_ins("The slate stands in for", done.slated)
    if done.audio:
        yield f"Sound: {done.audio}."
    yield from done.notes
    yield from _sealed(done)


def _sealed(done: "Conversion") -> Iterator[str]:
    if done.provenance:
        yield f"OUT is {done.provenance}."


def _stand_ins(what: str, reasons: Mapping[str, int]) -> Iterator[str]:
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        total = sum(reasons.values())
        yield f"{what} {total} {'frame' if total == 1 else 'frames'}: {counts}."
