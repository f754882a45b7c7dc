"""How far a fetch has come: a bar on a terminal, a line for every tenth elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from livecam.inference.progress import Progress as Told

if TYPE_CHECKING:
    from rich.progress import Progress


class _Bar:
    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, visible=False)
        self._stage = ""

    def update(self, stage: str, done: int, total: int) -> None:
        """Move the bar; a new stage starts it anew."""
        if stage != self._stage:
            self._stage = stage
            self._progress.reset(self._task, description=stage, visible=True)
        self._progress.update(self._task, completed=done, total=total or None)


class _Lines:
    def __init__(self) -> None:
        self._said = ("", -1)

    def update(self, stage: str, done: int, total: int) -> None:
        """Print a line when a tenth is full."""
        tenth = done * 10 // total if total else 0
        if (stage, tenth) != self._said:
            self._said = (stage, tenth)
            click.echo(f"{stage}: {tenth * 10} %" if total else stage, err=True)


@contextmanager
def progress_shown() -> Iterator[Told]:
    """Something to tell progress to. It writes to stderr, so that output can be piped."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console  # slow to import, and mostly all is here already
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress)
