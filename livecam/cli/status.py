"""The status of a run on the terminal: one live line, or a plain line now and then."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from livecam.core.ladder import FULL
from livecam.core.settings import Mode
from livecam.output.obs import obs_settings
from livecam.runtime.report import Status

if TYPE_CHECKING:
    from rich.text import Text

REFRESH_HZ: Final = 4
PLAIN_INTERVAL_S: Final = 5.0

_STATE_STYLES: Final = {"live": "bold green", "degraded": "bold yellow", "failed": "bold red"}


Show = Callable[[Status], None]


def line(status: Status) -> "Text":
    """The status as one styled line."""
    from rich.text import Text  # slow to import, and not needed without a terminal

    return Text.assemble(*_pieces(status), no_wrap=True, overflow="ellipsis")


def plain(status: Status) -> str:
    """The status as one line without styles."""
    return "".join(text for text, _ in _pieces(status))


def _pieces(status: Status) -> Iterator[tuple[str, str]]:
    """Texts of the line and their styles."""
    if status.mode == Mode.PASSTHROUGH:
        yield " PASSTHROUGH: YOUR OWN FACE IS SENT ", "bold white on red"
        yield "  ", ""
    yield f"{status.state:<8}", _STATE_STYLES.get(status.state, "bold")
    yield f"  {status.fps:5.1f} fps  age {status.age_p50_ms:.0f}/{status.age_p95_ms:.0f} ms", ""
    if status.fps > 0:
        # Half the time that a picture stands is added: what is heard should belong to its middle.
        yield f"  sound +{status.age_p50_ms + 500 / status.fps:.0f} ms", ""
    yield f"  drops {status.dropped}  {status.persona}  {status.provider}", ""
    if status.tier not in {"", FULL}:
        yield f"  {status.tier}", "yellow"
    if status.wearer:
        yield f"  wearer: {status.wearer}", "yellow" if "weak" in status.wearer else ""
    if status.showing == "slate":
        yield "  slate", "yellow"
    if status.note:
        yield f"  {status.note}", "yellow"


_TOKEN: Final = re.compile(r"token=[\w-]+")


@contextmanager
def shown(tty: bool) -> Iterator[Show]:
    """A function that shows a status; live on a terminal unless `tty` is false.

    Where pictures go is printed once, and again when it changes, since addresses are too long for the line.
    """
    if tty and sys.stdout.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(), auto_refresh=False) as live:
            refresh = _throttled(lambda status: live.update(line(status), refresh=True), 1 / REFRESH_HZ)
            yield _with_sinks(refresh, lambda text: live.console.print(text, markup=False, soft_wrap=True))
    else:
        tell = _discreetly if "JOURNAL_STREAM" in os.environ else click.echo
        yield _with_sinks(_throttled(lambda status: click.echo(plain(status)), PLAIN_INTERVAL_S), tell)


def _discreetly(text: str) -> None:
    """Print it without the secret in an address: what a service prints goes to a journal that others may read."""
    click.echo(_TOKEN.sub("token=...", text))


def _with_sinks(show: Show, tell: Callable[[str], None]) -> Show:
    told: tuple[str, ...] = ()
    panel = ""
    explained: set[str] = set()

    def both(status: Status) -> None:
        nonlocal told, panel
        if status.panel != panel:
            panel = status.panel
            tell(f"Control panel: {panel}")
        if status.sinks != told:
            told = status.sinks
            tell(f"Sending to {', '.join(told)}")
            for name in told:
                if name not in explained:
                    explained.add(name)
                    for settings in obs_settings(name):
                        tell(str(settings))
        show(status)

    return both


def _throttled(show: Show, interval_s: float) -> Show:
    due_s = 0.0

    def limited(status: Status) -> None:
        nonlocal due_s
        now_s = time.monotonic()
        if now_s >= due_s:
            due_s = now_s + interval_s
            show(status)

    return limited
