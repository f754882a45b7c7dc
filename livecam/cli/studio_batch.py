"""A command of ``livecam studio`` over the photo IN, or over each photo of a folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.flags import resolve
from livecam.cli.logs import start_log
from livecam.cli.output import Json
from livecam.cli.studio_asked import check_report, write_report
from livecam.cli.studio_flags import wanted
from livecam.cli.studio_shop import Shop, opened
from livecam.errors import (
    ConfigError,
    ContractError,
    LivecamError,
    PhotoRefused,
    SinkError,
    SourceError,
    SourceGone,
    StudioCancelled,
    StudioError,
    StudioMemory,
)

if TYPE_CHECKING:
    from livecam.core.frame import Image
    from livecam.studio.terms import Step

_PHOTOS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".heif", ".avif")
"""What is taken from a folder."""

_LOOKED_AT: Final = 16
"""Pictures of a folder whose sizes are looked at before it is begun."""

_WRITTEN: Final = (".png", ".jpg", ".jpeg", ".webp")
"""What can be written; of another kind, OUT in a folder is a PNG."""


@dataclass(frozen=True, slots=True)
class Job:
    """One picture.

    Attributes:
        source: IN.
        target: OUT.
    """

    source: Path
    target: Path


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A picture that was made.

    Attributes:
        image: (H, W, 3) u8 BGR.
        report: Figures.
        said: What came of it, the beginning of a sentence.
    """

    image: "Image"
    report: Mapping[str, Json]
    said: str


@dataclass(frozen=True, slots=True)
class Task:
    """What a command makes of each picture.

    Attributes:
        what: Its name, such as ``swap``.
        persona: Whom pictures show; "" for whoever it is.
        face: Which face of a picture is meant.
        make: Makes one, of IN's (H, W, 3) u8 BGR.
        strength: Told how much is made anew unless the flags say; None for as the backend has it.
    """

    what: str
    persona: str
    face: int | None
    make: "Callable[[Shop, Job, Image, Step], Made]"
    strength: Callable[[], float] | None = None


def each(task: Task, source: Path, target: Path, config_file: Path | None, given: dict[str, object]) -> None:
    """Do `task` with IN, or with each photo in it, into OUT. What came of it is reported, however it ends.

    Raises:
        LivecamError: It cannot be begun; the only picture cannot be made, or some of several.
    """
    want = wanted(given)
    resolved = resolve(config_file, given)
    start_log(resolved.config.log)
    from livecam.app.signals import stopping_on_signals

    jobs = jobs_of(source, target, replace=want.replace)
    check_report(want.report, *(path for job in jobs for path in (job.source, job.target)))
    with opened(resolved, want, task.persona, task.face) as shop, stopping_on_signals(shop.stop):
        if shop.stills.faces.lacks:
            click.echo(shop.stills.faces.lacks, err=True)
        shop.announce(task.strength and task.strength(), len(jobs), _megapixels(jobs))
        batch = Batch(shop, task, len(jobs), several=len(jobs) > 1 or source.is_dir())
        with ExitStack() as early:
            early.callback(batch.report_early, want.report)
            for job in jobs:
                batch(job)
            early.pop_all()
    write_report(want.report, batch.report())
    batch.finish()


class Batch:
    """Makes pictures one after the other, and goes on after one that cannot be made, if there are others.

    Args:
        shop: What they are made with.
        task: What is made.
        asked: How many there are to be.
        several: Whether there may be others.
    """

    def __init__(self, shop: Shop, task: Task, asked: int, *, several: bool) -> None:
        self._shop = shop
        self._task = task
        self._asked = asked
        self._several = several
        self._pictures: list[dict[str, Json]] = []
        self._failed = 0

    def __call__(self, job: Job) -> None:
        """Make the picture of `job`.

        Raises:
            LivecamError: It cannot be made, and there are no others; or no other could be made either.
        """
        told: dict[str, Json] = {"in": str(job.source), "out": str(job.target)}
        try:
            said, figures = self._made(job)
        except (PhotoRefused, SourceError, StudioError, ContractError, LivecamError) as error:
            self._failed += 1
            self._pictures.append(told | {"ok": False, "problem": str(error)})
            if not self._several or not _of_one(error):
                raise
            click.echo(f"{job.source} is left out. {error}", err=True)
        else:
            self._pictures.append(told | {"ok": True, **figures})
            click.echo(said)

    def _made(self, job: Job) -> tuple[str, Mapping[str, Json]]:
        """What came of one, in a sentence and in figures."""
        shop, task = self._shop, self._task
        image = shop.stills.source(job.source).image
        with shop.drawing(job.source.name, image[..., 0].size / 1e6) as step:
            made = task.make(shop, job, image, step)
            shop.refuse_stopped()
            carried = shop.publish(made.image, job.target, task.persona, task.what, made.report)
        return f"{made.said}; it is {carried}.", {**made.report, "carries": carried}

    def report(self) -> Mapping[str, Json]:
        """What came of all."""
        device = self._shop.device
        return {
            "backend": self._shop.caps.name,
            "persona": self._task.persona,
            "device": device.name,
            "offload": device.offload,
            "side": self._shop.side,
            "session": f"{self._shop.stills.session:08x}",
            "asked": self._asked,
            "pictures": self._pictures,
        }

    def report_early(self, path: Path | None) -> None:
        """Write what is known, where it ends before its time for a reason that is told besides."""
        try:
            write_report(path, self.report())
        except SinkError as error:
            click.echo(str(error), err=True)

    def finish(self) -> None:
        """Say how many were made, where there were several.

        Raises:
            StudioError: Some were not.
        """
        made = len(self._pictures) - self._failed
        if self._failed:
            raise StudioError(f"{made} of {len(self._pictures)} pictures were made.", "The lines above say why.")
        if self._several:
            click.echo(f"{made} of {len(self._pictures)} pictures were made.")


def _of_one(error: LivecamError) -> bool:
    """Whether `error` says something of one picture alone, so that the next one may be made."""
    from livecam.app.safety_files import ContentRefused

    if isinstance(error, StudioCancelled | StudioMemory):
        return False
    return isinstance(error, PhotoRefused | SourceError | StudioError | ContractError | ContentRefused)


def jobs_of(source: Path, target: Path, *, replace: bool) -> Sequence[Job]:
    """What is to be made of IN: one picture, or one of each photo in a folder. Refuses what cannot be, now.

    Raises:
        SourceError: IN is not there, cannot be read, or is a folder without photos.
        PhotoRefused: IN is no picture, or too large.
        ConfigError: OUT exists, is IN, or is no picture.
        SinkGone: OUT's folder does not exist or cannot be written.
    """
    from livecam.app.convert_doors import check_source, check_target, is_video
    from livecam.faces.photo import read_photo

    if source.is_dir():
        return tuple(_of_folder(source, target, replace=replace))
    check_source(source)
    if is_video(target):
        raise ConfigError(f"{target} is to be a video, and the studio makes pictures.", "Write a .png or .jpg.")
    check_target(source, target, replace=replace)
    # Now, rather than after minutes of loading; of a folder each is told when it is its turn.
    read_photo(source)
    return (Job(source, target),)


def _megapixels(jobs: Sequence[Job]) -> float | None:
    """How large the pictures are, on average; of many, some are looked at. None where none can be read."""
    from livecam.faces.photo import pixels_of

    sizes: list[int] = []
    for job in jobs[:: -(-len(jobs) // _LOOKED_AT)]:
        # It is told when it is its turn.
        with suppress(PhotoRefused):
            sizes.append(pixels_of(job.source))
    return sum(sizes) / len(sizes) / 1e6 if sizes else None


def _of_folder(source: Path, target: Path, *, replace: bool) -> Iterator[Job]:
    from livecam.app.convert_doors import check_target

    try:
        photos = sorted(path for path in source.iterdir() if path.suffix.lower() in _PHOTOS and path.is_file())
        if photos:
            target.mkdir(exist_ok=True)
    except OSError as error:
        raise SourceGone(f"{error.filename} cannot be used: {error.strerror}.", "Name another folder.") from None
    if not photos:
        raise SourceGone(f"There are no photos in {source}.", f"These are taken: {', '.join(_PHOTOS)}.")
    taken: set[str] = set()
    for photo in photos:
        name = photo.name if photo.suffix.lower() in _WRITTEN else f"{photo.stem}.png"
        name = f"{photo.name}.png" if name.lower() in taken else name
        taken.add(name.lower())
        check_target(photo, target / name, replace=replace)
        yield Job(photo, target / name)
