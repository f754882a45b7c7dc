"""``livecam bench quality``: how good and how steady the swapped face is, on the user's own clips."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from livecam.cli.flags import SettingsCommand, resolve, with_settings
from livecam.cli.logs import start_log
from livecam.cli.models_commands import fetch_missing
from livecam.cli.output import examples, print_json, print_rows
from livecam.cli.progress import progress_shown
from livecam.cli.swap_command import FILE_SETTINGS
from livecam.config import Resolved
from livecam.config.nearest import nearest
from livecam.errors import ConfigError, SinkGone

if TYPE_CHECKING:
    from livecam.bench.quality.report import Report
    from livecam.bench.quality.table import Row

F = TypeVar("F", bound=Callable[..., object])

_DRAWN: Final = "synthetic"
_MODES: Final = ("none", "average", "ema", "ours")
_JSON, _PAGE, _SHEET = "quality.json", "quality.html", "contact-sheet.jpg"


def _with_file_settings(function: F) -> F:
    # The slate is not measured, so it does not matter what it shows.
    return with_settings(function, [key for key in FILE_SETTINGS if not key.path.startswith("privacy.slate")])


@click.command(
    "quality",
    cls=SettingsCommand,
    epilog=examples(
        "livecam bench quality me.mp4 --persona ann --out report",
        "livecam bench quality me.mp4 desk.mp4 --persona ann --frames 600",
        "livecam bench quality me.mp4 --steadiness 0.8 --modes none,ours --json",
        "livecam bench quality me.mp4 --persona ann --preset fast --angles   with and without its identity pack",
        "livecam bench quality synthetic --out report     the drawn demo face",
    ),
)
@click.argument("clips", nargs=-1, required=True, metavar="CLIP...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Write {_PAGE}, {_SHEET} and {_JSON} there; the first two hold pictures of what is in the clips.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines, all figures of all frames.")
@click.option(
    "--frames", type=click.IntRange(16), default=240, show_default=True, metavar="N", help="Of each clip, at most."
)
@click.option("--modes", default=",".join(_MODES), show_default=True, metavar="LIST", help="To be compared.")
@click.option("--still/--no-still", default=True, show_default=True, help="A frame that stands still, with noise, too.")
@_with_file_settings
@click.pass_context
def quality(
    ctx: click.Context,
    /,
    clips: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
    frames: int,
    modes: str,
    still: bool,
    config_file: Path | None,
    **given: object,
) -> None:
    """Say how good and how steady the swapped face is, on clips of your own.

    A CLIP is a video, or the word synthetic for the drawn demo face. It is run through the pipeline as it is for a
    camera, once for each way to keep the face steady: none, what other programs do (average: the mean of 5 frames;
    ema: an exponential mean), and livecam's own; with --angles livecam's own also without the persona's identity pack,
    which shows whether the pack helps. Measured inside the face alone: whom it looks like, whether it does
    what you do, how it trembles, lags and flickers, and how many frames went out. Nothing leaves this machine. Exit
    code 0 when every clip could be measured.
    """
    resolved = resolve(config_file, given)
    start_log(resolved.config.log)
    chosen = _chosen(modes)
    _check(clips)
    _demand_persona(resolved)
    if out is not None:
        _demand_pictures(resolved)
    with _folder(out):
        fetch_missing(resolved)
        from livecam.bench.quality.smoothers import MODES
        from livecam.cli.bench_quality_run import Wish, measure

        wish = Wish(clips, frames, tuple(MODES[name] for name in chosen), still)
        with progress_shown() as progress:
            report = measure(resolved, wish, progress)
        if as_json:
            print_json(report.to_json())
        else:
            _print(report)
        if out is not None:
            _write(report, out)
    for problem in report.problems:
        click.echo(problem, err=True)
    ctx.exit(1 if report.problems else 0)


def _demand_persona(resolved: Resolved) -> None:
    """See that there is such a persona, before anything is asked about it or fetched for it.

    Raises:
        PersonaError: There is none.
    """
    from livecam.faces.library import PersonaLibrary  # brings every codec: not for --help
    from livecam.faces.names import checked_name, unknown

    name = checked_name(resolved.config.face.persona)
    names = PersonaLibrary(resolved.paths.personas, {}, resolved.paths.prepared).names()
    if name not in names:
        raise unknown(name, names)


def _demand_pictures(resolved: Resolved) -> None:
    """See that pictures of the persona may be kept in files: by the policy, and by its consent.

    Raises:
        ConfigError: The policy forbids it.
        PersonaError: The consent does not cover it.
    """
    from livecam.app.consented import Agreement  # brings every driver's neighbours: not for --help
    from livecam.app.permitted import demand_output
    from livecam.core.persona import Scope

    demand_output("swap", resolved.policy)
    Agreement(resolved.paths.personas, [resolved.config.face.persona], Scope.STILL).demand()


def _check(clips: tuple[Path, ...]) -> None:
    """Refuse what is no readable file, before any work.

    Raises:
        SourceGone: One is none.
    """
    from livecam.app.convert_doors import check_source  # brings every driver's neighbours: not for --help

    for clip in clips:
        if str(clip) != _DRAWN:
            check_source(clip)


def _chosen(modes: str) -> list[str]:
    """The modes in `modes`, a list with commas.

    Raises:
        ConfigError: One is not known.
    """
    names = [name.strip() for name in modes.split(",") if name.strip()]
    unknown = [name for name in names if name not in _MODES]
    if unknown or not names:
        raise ConfigError(f"--modes has no mode {', '.join(unknown) or 'at all'}.", nearest("".join(unknown), _MODES))
    return names


@contextmanager
def _folder(folder: Path | None) -> Iterator[None]:
    """Make sure, before minutes of work, that the report can be kept. What is made for it and stays empty goes again.

    Raises:
        SinkGone: The folder cannot be made or written.
    """
    made: list[Path] = []
    try:
        if folder is not None:
            _make(folder, made)
        yield
    finally:
        for each in made:
            with suppress(OSError):  # there is something in it, or it could not be made
                each.rmdir()


def _make(folder: Path, made: list[Path]) -> None:
    """Make `folder`, and add to `made` what was not there, the innermost first."""
    probe = folder / f"{_JSON}.tmp"
    try:
        made += [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SinkGone(f"{folder} cannot be written: {error.strerror}.", "Name another folder with --out.") from None


def _write(report: "Report", folder: Path) -> None:
    """Write all files, each whole or not at all.

    Raises:
        SinkError: The disk refused.
    """
    from livecam.app.convert_doors import write_whole
    from livecam.bench.quality.page import page
    from livecam.bench.quality.sheet import contact_sheet

    files = {
        _SHEET: contact_sheet([shot for result in report.results for shot in result.shots]),
        _JSON: (json.dumps(report.to_json(), ensure_ascii=False) + "\n").encode(),
        _PAGE: page(report).encode(),
    }
    for name, data in files.items():
        try:
            write_whole(folder / name, data)
        except SinkGone as error:
            raise SinkGone(error.what, "Name another folder with --out.") from error
    click.echo(f"Wrote {folder / _PAGE} and {_SHEET}, with pictures of what is in the clips, and {_JSON}.", err=True)


def _print(report: "Report") -> None:
    """A table for each clip, its still case below the rest."""
    from livecam.bench.quality.table import MARK, WHAT_MARKS, rows

    # What goes into a pipe is read by programs, which find the best by themselves.
    mark = f" {MARK}" if sys.stdout.isatty() else ""
    for result in report.results:
        if not result.posed:
            shown = f"{len(result.speed)} frames, {result.still.sum()} at rest, {result.moving.sum()} in motion"
            click.echo(f"\n{result.name}: {result.size}, {result.fps:.4g} frames/s, {shown}")
        found = rows(result)
        table = [[row.name, *(_marked(row, mode, mark) for mode in row.cells)] for row in found if not row.why]
        print_rows(("still and noise" if result.posed else "figure", *result.figures), table, "Nothing was measured.")
        for row in found:
            if row.why:
                click.echo(f"Not measured: {row.name}: {row.why}.")
    if mark:
        click.echo(f"\n{MARK} {WHAT_MARKS}.")
    for told in report.about_pack:
        click.echo(f"\n{told}")
    setup = report.setup
    judged = f"identities judged by {setup.judge}" if setup.judge else f"identities not judged: {setup.no_judge}"
    click.echo(f"\nPersona {setup.persona}, preset {setup.preset}, steadiness {setup.steadiness:g}; {judged}.")


def _marked(row: "Row", mode: str, mark: str) -> str:
    return row.cells[mode] + (mark if mode in row.best else "")
