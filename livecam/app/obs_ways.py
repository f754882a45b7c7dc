"""Which ways there are to show this run, or one of this configuration, in OBS."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.client import HTTPException
from typing import Final
from urllib.request import ProxyHandler, build_opener

from livecam.app.choose import choose_sinks
from livecam.app.keys import kept_secret
from livecam.config import Config, Paths
from livecam.output.obs import ObsSource, obs_sources

UNKNOWN: Final = "..."
"""Stands for a secret that only livecam's own log tells."""

_ASK_S: Final = 1.0
_SECRET: Final = "?token="


def ways(config: Config, paths: Paths, sinks: Sequence[str] | None) -> tuple[ObsSource, ...]:
    """All of them, the cameras first, then by what they add to the delay.

    Args:
        config: Of the run.
        paths: Where the panel's secret for OBS is kept.
        sinks: Of a run that goes on, as its status names them; None for what the configuration names.
    """
    names = _configured(config, paths) if sinks is None else tuple(sinks)
    secret = kept_secret(paths.data / "picture-token") or UNKNOWN
    known = [name for whole in names for name in _named(whole, secret)]
    picture = f"http://127.0.0.1:{config.panel.port:.0f}/picture{_SECRET}{secret}"
    # A run may have been given the panel by a flag.
    if config.panel.port and (config.panel.enabled or _opens(picture)):
        known.append(f"panel:{picture}")
    found = [source for name in known for source in obs_sources(name, config.output_size)]
    return tuple(sorted((_checked(source) for source in found), key=lambda source: source.later_ms))


def _configured(config: Config, paths: Paths) -> tuple[str, ...]:
    return tuple(f"{spec.kind}:{spec.target}".partition("?")[0] for spec in choose_sinks(config, paths))


def _named(whole: str, secret: str) -> Iterator[str]:
    """The sink's name with its secret, where it is one that OBS can show."""
    kind, _, rest = whole.partition(":")
    if kind == "web":
        if rest.isdecimal():
            rest = f"http://127.0.0.1:{rest}/"
        address = rest.partition(" ")[0].rstrip(":")
        if address:
            fits = _opens(f"{address}status{_SECRET}{secret}")
            yield f"web:{address}{_SECRET}{secret if fits else UNKNOWN}"
    else:
        # A problem that a status tells follows behind a colon and a space.
        yield whole.partition(": ")[0]


def _opens(address: str) -> bool:
    """Whether a server of this machine answers there, and takes the kept secret for its own."""
    try:
        # A proxy is for the world outside.
        with build_opener(ProxyHandler({})).open(address, timeout=_ASK_S) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, HTTPException):
        return False


def _checked(source: ObsSource) -> ObsSource:
    """`source`; one whose secret is not known can be entered by hand alone."""
    if not any(f"{_SECRET}{UNKNOWN}" in value for _, value in source.fields):
        return source
    return replace(source, kind="", note="livecam prints the whole address when it starts.")
