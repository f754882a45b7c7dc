"""``livecam studio slate``: an away picture of a persona, for the daemon to show while nothing is cleared."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from livecam.cli.completing import complete_persona
from livecam.cli.flags import SettingsCommand, resolve
from livecam.cli.logs import start_log
from livecam.cli.output import Json, examples
from livecam.cli.studio_asked import check_report, write_report
from livecam.cli.studio_flags import drawing_without, told_cosine, wanted
from livecam.cli.studio_shop import opened
from livecam.core.frame import Size
from livecam.errors import ConfigError, SinkGone


@click.command(
    cls=SettingsCommand,
    epilog=examples(
        "livecam studio slate nobody away.png --backend tiny     see the flow, without weights",
        'livecam studio slate ann away.png --text "Back soon"',
        "livecam studio slate ann away.png --size 1920x1080 --seed 4",
        "livecam run --slate-picture away.png                    use it",
    ),
)
@click.argument("persona", metavar="PERSONA", shell_complete=complete_persona)
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--size", default="1280x720", show_default=True, metavar="SIZE", help="Of the picture.")
@click.option("--text", default="", metavar="TEXT", help="A line at the bottom, in any script. [default: none]")
@drawing_without("strength")
def slate(persona: str, target: Path, size: str, text: str, config_file: Path | None, **given: object) -> None:
    """Draw an away picture of PERSONA and write it to OUT. Not live: the daemon only reads the PNG.

    A portrait from the front, before its own blurred background. It is kept only if a recogniser takes it for the
    persona.
    """
    want = wanted(given)
    resolved = resolve(config_file, given)
    start_log(resolved.config.log)
    wished = _size(size)
    check_out(target, replace=want.replace)
    check_report(want.report, target)
    with opened(resolved, want, persona) as shop:
        from livecam.studio.slate import draw_away

        assert shop.likeness is not None, "a persona was named"
        megapixels = wished.width * wished.height / 1e6
        shop.announce(1.0, megapixels=megapixels)
        with shop.drawing(target.name, megapixels) as step:
            away = draw_away(shop.backend, shop.likeness, shop.stills.faces, wished, shop.options, step, text)
            shop.refuse_stopped()
            report: Mapping[str, Json] = asdict(away.report)
            carried = shop.publish(away.image, target, persona, "slate", report)
    write_report(want.report, {**report, "backend": shop.caps.name, "out": str(target), "carries": carried})
    alike = told_cosine(away.report.cosine, away.report.judged, away.report.told)
    click.echo(f"Drew {target} in {away.report.seconds:.1f} s ({alike}); it is {carried}.")
    click.echo(f"Use it: livecam run --slate-picture {target}")


def check_out(target: Path, *, replace: bool) -> None:
    """Refuse an OUT that cannot or must not be written, before any work is done.

    Raises:
        ConfigError: It exists and may not be replaced, or is no picture.
        SinkGone: Its folder does not exist, or it is none that a file can be put into.
    """
    from livecam.app.convert_doors import is_video

    if is_video(target):
        raise ConfigError(f"{target} is to be a video, and the studio makes pictures.", "Write a .png or .jpg.")
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise SinkGone(f"{target} is no file.", "Name one.")
    if target.exists() and not replace:
        raise ConfigError(f"{target} exists.", "Choose another name, or replace it with --replace.")
    if not target.parent.is_dir():
        raise SinkGone(f"There is no folder {target.parent}.", "Make it first, or choose another place.")


def _size(text: str) -> Size:
    try:
        return Size.parse(text)
    except ValueError as error:
        raise ConfigError(f"--size: {error}") from None
