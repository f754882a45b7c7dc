"""``livecam obs``: how OBS is to show the picture, and doing it there."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from livecam.cli.flags import resolve, with_settings
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.config import SETTINGS, Config, Resolved, load
from livecam.control.audio.delay import video_delay_ms
from livecam.control.client import order
from livecam.control.place import running, the_one
from livecam.core.frame import Size
from livecam.errors import LivecamError
from livecam.output.obs import ObsSource, obs_sources

if TYPE_CHECKING:
    from livecam.control.obs.client import ObsClient

_WAYS = ("camera", "web", "browser", "stream")
_socket = click.option(
    "--socket",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Of the daemon that is meant, where several run.",
)


@click.group(
    "obs",
    invoke_without_command=True,
    epilog=examples(
        "livecam obs                   what to enter in OBS, for every way there is now",
        "livecam obs setup --dry-run   what would be done there",
        "livecam obs setup             add the source to the scene, and delay the microphone as much",
    ),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="PATH", help="Read this file.")
@_socket
@json_option
@click.pass_context
def obs_group(context: click.Context, config_file: Path | None, path: Path | None, as_json: bool) -> None:
    """Print what to enter in OBS to show the picture of the running livecam, or of the configuration."""
    if context.invoked_subcommand is not None:
        return
    status = _status(path)
    sources = _sources(load(None, config_file), status)
    delay_ms = video_delay_ms(status) if status is not None else None
    if as_json:
        shown: list[Json] = [_plain(source, delay_ms) for source in sources]
        print_json(shown)
        return
    click.echo(_told(sources, running=status is not None, delay_ms=delay_ms))


@click.command(
    "setup",
    epilog=examples(
        "livecam obs setup",
        "livecam obs setup --way stream --scene Talk --dry-run",
        "livecam obs setup --microphone 'Mic/Aux'",
    ),
)
@click.option("--way", type=click.Choice(_WAYS), help="How; else the one with the least delay that OBS can be given.")
@click.option("--scene", default="", metavar="NAME", help="Where; else the scene that OBS shows.")
@click.option("--name", default="livecam", show_default=True, help="What the source is called.")
@click.option("--microphone", default="", metavar="NAME", help="Which input of OBS to delay; else every microphone.")
@click.option("--no-audio", is_flag=True, help="Leave the microphones alone.")
@click.option("--extra", "extra_ms", type=float, default=0.0, metavar="MS", help="Added, where lips still run apart.")
@click.option("--address", default="", metavar="URL", help="Of the preview, as livecam printed it, with its token.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_socket
def setup(
    config_file: Path | None,
    way: str | None,
    scene: str,
    name: str,
    microphone: str,
    no_audio: bool,
    extra_ms: float,
    address: str,
    dry_run: bool,
    path: Path | None,
    **given: object,
) -> None:
    """Add the picture to OBS, and delay OBS's microphones as much as it. Doing it again does no harm.

    OBS must run, with Tools > WebSocket Server Settings > Enable WebSocket server.
    """
    from livecam.app.obs import demand_client

    demand_client()
    from livecam.control.obs.setup import Setup, Wish  # needs the package that was just asked for

    resolved = resolve(config_file, given)
    status = _status(path)
    size = _as_it_runs(resolved.config, status).output_size
    sources = obs_sources(f"web:{address}", size) if address else _sources(resolved, status)
    source = _chosen(sources, way)
    _demand_reachable(source, resolved.config.obs.host)
    delay_ms = None if no_audio or status is None else video_delay_ms(status)
    offset_ms = None if delay_ms is None else delay_ms + source.later_ms + extra_ms
    wish = Wish(source, name, scene, offset_ms, microphone)
    client = _connected(resolved)
    try:
        said = Setup(client, dry_run).carry_out(wish)
    finally:
        client.close()
    click.echo("\n".join(said))
    if offset_ms is None and not no_audio:
        click.echo(
            "How late the picture is, is not known: run this again while livecam shows a live picture.", err=True
        )
    elif delay_ms is not None:
        click.echo(
            f"The picture leaves livecam {delay_ms:.0f} ms late, and OBS shows it {source.later_ms:.0f} ms later."
        )


obs_group.add_command(with_settings(setup, [SETTINGS[f"obs.{name}"] for name in ("host", "port", "password_file")]))


def _connected(resolved: Resolved) -> "ObsClient":
    """A connection; asks for the password at a terminal, where OBS wants one that is not configured."""
    from livecam.control.obs.client import ObsClient, ObsLocked, ObsPlace, configured

    place = configured(resolved.config.obs)
    try:
        return ObsClient(place)
    except ObsLocked:
        if place.password or not sys.stdin.isatty():
            raise
    return ObsClient(ObsPlace(place.host, place.port, click.prompt("OBS's WebSocket password", hide_input=True)))


def _status(path: Path | None) -> Mapping[str, object] | None:
    """Of the daemon that runs; None when none does.

    Raises:
        LivecamError: `path` names one that does not, or several run.
    """
    if sys.platform == "win32" or (path is None and not running()):
        return None
    status = json.loads(order(the_one(path), "status").line).get("status")
    return status if isinstance(status, dict) else {}


def _sources(resolved: Resolved, status: Mapping[str, object] | None) -> tuple[ObsSource, ...]:
    from livecam.app.obs_ways import ways  # brings the panel

    sinks = status.get("sinks") if status is not None else None
    names = [str(sink) for sink in sinks] if isinstance(sinks, list) else None
    return ways(_as_it_runs(resolved.config, status), resolved.paths, names)


def _as_it_runs(config: Config, status: Mapping[str, object] | None) -> Config:
    """`config` with the size of the run that goes on, which a flag may have given it."""
    try:
        size = Size.parse(str((status or {}).get("size")))
    except ValueError:
        return config
    return replace(config, output=replace(config.output, size=size))


def _chosen(sources: Sequence[ObsSource], way: str | None) -> ObsSource:
    fitting = [source for source in sources if way in (None, source.way)]
    able = [source for source in fitting if source.kind]
    if able:
        return able[0]
    if fitting:
        raise LivecamError(
            f"obs-websocket cannot be told the whole of {fitting[0].title}: {fitting[0].note}",
            "Give it by --address, or enter it by hand: livecam obs",
        )
    raise LivecamError(
        f"livecam sends nothing that OBS could show{f' by {way}' if way else ''}.",
        "Start it with --panel, --sink web, --sink virtualcam or --sink stream:udp://127.0.0.1:5000.",
    )


def _demand_reachable(source: ObsSource, host: str) -> None:
    """An OBS on another computer can be shown what is sent there, and nothing else.

    Raises:
        LivecamError: It could not.
    """
    here = {"127.0.0.1", "localhost", "::1"}
    address = str(source.settings.get("input") or source.settings.get("url") or "")
    if host not in here and (not address or urlsplit(address).hostname in here):
        raise LivecamError(
            f"OBS runs on {host}, and what livecam sends can be seen on this computer only.",
            f"Send it there: --sink stream:udp://{host}:5000",
        )


def _told(sources: Sequence[ObsSource], running: bool, delay_ms: float | None) -> str:
    if not sources:
        return (
            "livecam sends nothing that OBS could show. "
            "Start it with --panel, --sink web, --sink virtualcam or --sink stream:udp://127.0.0.1:5000."
        )
    head = "The running livecam:" if running else "No livecam runs. With this configuration:"
    return "\n\n".join([head, *(_block(source, delay_ms) for source in sources)])


def _block(source: ObsSource, delay_ms: float | None) -> str:
    width = max(len(field) for field, _ in source.fields)
    rows = [f"  {field:<{width}}  {value}" for field, value in source.fields]
    late = f"shows it about {source.later_ms:.0f} ms after livecam sends it"
    if delay_ms is not None:
        late += f"; sync offset of the microphone: {delay_ms + source.later_ms:.0f} ms"
    return "\n".join([f"{source.title} (--way {source.way}): {late}", *rows, f"  {source.note}"])


def _plain(source: ObsSource, delay_ms: float | None) -> Json:
    offset = None if delay_ms is None else round(delay_ms + source.later_ms)
    return {**asdict(source), "fields": dict(source.fields), "sync_offset_ms": offset}
