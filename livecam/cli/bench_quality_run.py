"""What ``livecam bench quality`` runs: the pipeline of a run, its clips, and what measures them, put together."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from livecam.app.convert_clip import Clip
from livecam.app.machine import versions
from livecam.app.rehearsal import Rehearsal, Rehearsed
from livecam.bench.quality.ablation import NO_VECTOR, ablation_of
from livecam.bench.quality.choose import NO_JUDGE, choose_judge
from livecam.bench.quality.clip import Lab, Result, Tell
from livecam.bench.quality.judge import Descriptor, Judge
from livecam.bench.quality.looks import Finder
from livecam.bench.quality.measure import Footage, Moment, Take, Taken, Tools, wearer_points
from livecam.bench.quality.report import Report, Setup
from livecam.bench.quality.smoothers import NO_PACK, OURS, Mode, TracedFollower
from livecam.bench.quality.warp import WarpMeter
from livecam.canvas.cpu import CpuCanvas
from livecam.capture.synthetic import SyntheticOptions, SyntheticSource
from livecam.config import LabelConfig, Resolved
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Frame, Image, Picture, Size
from livecam.core.seams import Follower
from livecam.errors import SourceGone
from livecam.inference.catalogue import catalogue_folders
from livecam.inference.progress import Progress
from livecam.privacy.label import words
from livecam.privacy.label_still import labelled
from livecam.vision.angles import AngledSources

DRAWN: Final = "synthetic"
"""Stands for the drawn demo face where a clip is named."""

DRAWN_SIZE: Final = Size(1280, 720)
DRAWN_FPS: Final = 30.0


class ClipTake:
    """A `Take`: one pipeline of the live path, a clip's frames judged by the gate in media time.

    Args:
        rehearsal: Makes the pipeline.
        mode: How the landmarks are smoothed.
        size: Of the frames.
    """

    def __init__(self, rehearsal: Rehearsal, mode: Mode, size: Size) -> None:
        self._mode = mode
        self._traced: TracedFollower | None = None
        self._canvas = CpuCanvas()
        self._size = size
        self._rehearsed: Rehearsed = rehearsal.pipeline(size, self._wrap, pack=mode.pack)

    def __call__(self, image: Image, seq: int, media_ns: int) -> Taken:
        """See `Take`."""
        judged = self._rehearsed.clearing(lambda out: np.copyto(out, image), seq, media_ns)
        face = self._traced.wearer if self._traced is not None else None
        step_ns = sum(self._rehearsed.processor.stages().values())
        return Taken(judged.cleared.picture, judged.fate, wearer_points(face), step_ns)

    def plain(self, image: Image) -> Picture:
        """See `Take`."""
        picture: Picture = np.empty(self._size.picture_shape, dtype=np.uint8)
        self._canvas.load(Frame(image, 0, 0))
        self._canvas.store(picture)
        return picture

    def close(self) -> None:
        """See `Take`."""
        self._rehearsed.close()

    def _wrap(self, follower: Follower) -> TracedFollower:
        self._traced = TracedFollower(follower, self._mode.smoother, own=self._mode.own)
        return self._traced


class ClipStudio:
    """A `Studio` of a rehearsal."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal

    def take(self, mode: Mode, size: Size) -> Take:
        """See `Studio`."""
        return ClipTake(self._rehearsal, mode, size)


def drawn(frames: int) -> Footage:
    """The first `frames` frames of the drawn demo face."""

    def play() -> Iterator[Moment]:
        source = SyntheticSource(DRAWN_SIZE, DRAWN_FPS, MonotonicClock(), SyntheticOptions(pace=False))
        source.open()
        image: Image = np.empty(DRAWN_SIZE.image_shape, dtype=np.uint8)
        for number in range(frames):
            source.read_into(image)
            yield Moment(image, NS_PER_S + round(number * NS_PER_S / DRAWN_FPS))
        source.close()

    return play


def footage(path: Path, frames: int) -> Footage:
    """The first `frames` frames of a video, decoded anew each time."""

    def play() -> Iterator[Moment]:
        clip = Clip(path)
        try:
            image: Image = np.empty(clip.info.size.image_shape, dtype=np.uint8)
            for shot in clip.shots():
                if shot.number >= frames:
                    break
                clip.draw(shot, image)
                yield Moment(image, clip.media_ns(shot.pts))
        finally:
            clip.close()

    return play


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for.

    Attributes:
        clips: Videos, or `DRAWN`.
        frames: At most so many of each.
        modes: To be compared.
        still: Whether the still case is measured too.
    """

    clips: tuple[Path, ...]
    frames: int
    modes: tuple[Mode, ...]
    still: bool


def measure(resolved: Resolved, wish: Wish, progress: Progress) -> Report:
    """Measure all clips.

    Raises:
        ConfigError, ModelError, PersonaError, EngineError: The swap cannot be put together, or broke.
        SourceGone: There is no face in any of the clips.
    """
    progress.update("Getting ready", 0, 0)
    rehearsal = Rehearsal(resolved.config, resolved.paths)
    judge = _judge(resolved, rehearsal)
    persona = _persona(judge, rehearsal)
    no_judge = "" if persona else NO_JUDGE if judge is None else "no face was found in the persona's photos"
    tools = Tools(Finder(rehearsal.landmarker()), WarpMeter(), judge, persona)
    results: list[Result] = []
    problems: list[SourceGone] = []
    sources, no_pack = pack_of(resolved, rehearsal)
    modes = (*wish.modes, NO_PACK) if sources is not None and OURS in wish.modes else wish.modes
    label = _labeller(resolved.config.label)
    for path in wish.clips:
        lab = Lab(ClipStudio(rehearsal), tools, modes, no_judge, _teller(progress, wish.frames), label)
        try:
            results += _measured(lab, path, wish)
        except SourceGone as error:
            problems.append(error)
    if not results:
        raise problems[0]
    ablations = [] if sources is None else [ablation_of(result, sources) for result in results]
    return Report(
        _setup(resolved, judge, no_judge),
        tuple(results),
        tuple(str(error) for error in problems),
        tuple(one for one in ablations if one is not None),
        no_pack,
    )


def pack_of(resolved: Resolved, rehearsal: Rehearsal) -> tuple[AngledSources | None, str]:
    """The vectors that the persona is worn with; None and why where that was asked for and there are none."""
    if not resolved.config.neural.angles:
        return None, ""
    if not resolved.config.neural.chain.swapper:
        return None, NO_VECTOR
    sources = rehearsal.angled
    name = rehearsal.persona.name
    none = (
        f"{name!r} has no identity pack that this swapper can use, so there is nothing to compare: "
        f"`livecam faces views {name} --camera` makes one."
    )
    return sources, "" if sources is not None else none


def _measured(lab: Lab, path: Path, wish: Wish) -> Iterator[Result]:
    """The clip, then its still case."""
    if str(path) == DRAWN:
        play, size = drawn(wish.frames), DRAWN_SIZE
    else:
        play, size = footage(path, wish.frames), _size(path)
    result = lab.clip(path.name, play, size)
    yield result
    if wish.still:
        calmest = result.calmest
        image = next(moment.image.copy() for number, moment in enumerate(play()) if number == calmest)
        yield lab.still(path.name, image, result.fps)


def _size(path: Path) -> Size:
    """Of the frames of the video in `path`.

    Raises:
        SourceGone: It is none.
    """
    try:
        clip = Clip(path)
    except SourceGone as error:
        raise SourceGone(error.what, "Name a video of your face, some seconds long.") from None
    clip.close()
    return clip.info.size


def _judge(resolved: Resolved, rehearsal: Rehearsal) -> Judge | None:
    config, paths = resolved.config, resolved.paths
    folders = catalogue_folders(paths.recipes, config.models.recipes)
    return choose_judge(folders, config.models.cache or paths.models, rehearsal.networks)


def _persona(judge: Judge | None, rehearsal: Rehearsal) -> tuple[Descriptor, ...]:
    """What the judge sees in the persona's photos."""
    if judge is None:
        return ()
    found = ((photo, rehearsal.points_in(photo)) for photo in rehearsal.photos())
    return tuple(judge.describe(photo, points) for photo, points in found if points is not None)


def _setup(resolved: Resolved, judge: Judge | None, no_judge: str) -> Setup:
    config = resolved.config
    return Setup(
        persona=config.face.persona,
        preset=str(config.neural.preset),
        judge=judge.name if judge is not None else "",
        no_judge=no_judge,
        same_person=judge.same_person if judge is not None else 0.0,
        steadiness=config.face.steadiness,
        place={**versions(), "cores": os.cpu_count() or 0},
    )


def _labeller(config: LabelConfig) -> Callable[[Image], Image]:
    """What puts the label on pictures of the swapped face that are kept; nothing where it is switched off."""
    if not config.shown:
        return lambda image: image
    text = words(config)
    return lambda image: labelled(image, text)


def _teller(progress: Progress, frames: int) -> Tell:
    def tell(what: str, frame: int) -> None:
        progress.update(what, frame + 1, frames)

    return tell
