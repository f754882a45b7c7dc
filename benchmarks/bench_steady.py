"""How steady the embedded swap is beside what other programs do: `livecam bench quality` on the clips, with bars."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2

from benchmarks.common import Bar, configure, publish
from benchmarks.footage import clip, clips_folder, drawn, frame_at, in_webcam_frame
from livecam.app.assemble import persona_library
from livecam.app.rehearsal import Rehearsal
from livecam.bench.quality.choose import NO_JUDGE, choose_judge
from livecam.bench.quality.clip import Lab, Result
from livecam.bench.quality.figures import Expression, Figures, Ratio
from livecam.bench.quality.looks import Finder
from livecam.bench.quality.measure import Footage, Moment, Tools
from livecam.bench.quality.report import Report, Setup
from livecam.bench.quality.series import Lag
from livecam.bench.quality.smoothers import AVERAGE, EMA, MODES, NONE, OURS
from livecam.bench.quality.warp import WarpMeter
from livecam.cli.bench_quality_run import ClipStudio
from livecam.config import Paths
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.core.persona import Basis
from livecam.inference.catalogue import catalogue_folders

COMMAND = "python -m benchmarks steady"

# Each clip, its rate, and whose calm first frame is the persona; a clip in the middle of the frame is a webcam's.
CLIPS = {"d3": (30.0, "d18"), "d10": (30.0, "d18"), "d12": (25.0, "d18"), "d18": (30.0, "d3"), "s32": (30.0, "d3")}
WEBCAM = Size(1280, 720)
BUILT_IN = "nobody"
FRAMES = 240


class Steadiness(NamedTuple):
    """A figure by which the report tells how steady a way to keep a face is.

    Attributes:
        what: In words, with its unit.
        of: The figure; None where it was not measured.
        at_least: Whether more is better.
    """

    what: str
    of: Callable[[Figures], float | None]
    at_least: bool = False


def _ratio(found: Ratio | None) -> float | None:
    return None if found is None else found.ratio


def _behind(found: Lag | None) -> float | None:
    return None if found is None else abs(found.percent)


def _blinks(found: Expression | None) -> float | None:
    return None if found is None else found.blink_correlation


PEERS = (AVERAGE, EMA)
OF_A_STILL = (
    Steadiness("jitter at rest, px at 720 lines", lambda one: one.jitter),
    Steadiness("flow-warp error, of the input's", lambda one: _ratio(one.warp)),
    Steadiness("colour jitter, of the input's", lambda one: _ratio(one.colour)),
)
OF_A_CLIP = (
    *OF_A_STILL,
    Steadiness("lag in motion, % of the face's height", lambda one: _behind(one.lag)),
    Steadiness("flow-warp error in motion, of the input's", lambda one: _ratio(one.warp_moving)),
    Steadiness("flow-warp error at rest, of the input's", lambda one: _ratio(one.warp_still)),
    Steadiness("colour jitter, lids and lips at rest, of the input's", lambda one: _ratio(one.colour_calm)),
    Steadiness("blink, correlation", lambda one: _blinks(one.expression), at_least=True),
)


def main(quick: bool) -> None:
    cv2.setNumThreads(1)
    frames = 60 if quick else FRAMES
    with tempfile.TemporaryDirectory(prefix="livecam-bench-") as kept:
        home = replace(Paths.find(), data=Path(kept))
        folder = clips_folder()
        if folder is None:
            print("  no clips beside this checkout: measured on the drawn face only", flush=True)
            results = _measured(home, BUILT_IN, "drawn", lambda: _drawn(frames))
        else:
            _add_personas(home, folder)
            results = [result for name in CLIPS for result in _on_clip(home, folder, name, frames)]
    bars = [bar for result in results for bar in _bars(result)]
    publish("steady", COMMAND, bars, _details(results), quick)


def _add_personas(home: Paths, folder: Path) -> None:
    library = persona_library(configure({}), home)
    for name in {persona for _, persona in CLIPS.values()}:
        photo = home.data / f"{name}.png"
        photo.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(photo), frame_at(folder / f"{name}.mp4", 0))
        library.add(name, [photo], Basis.LICENSED, "test material")


def _on_clip(home: Paths, folder: Path, name: str, frames: int) -> list[Result]:
    fps, persona = CLIPS[name]
    return _measured(home, persona, name, lambda: _webcam(folder / f"{name}.mp4", frames, fps))


def _webcam(path: Path, frames: int, fps: float) -> Iterator[Moment]:
    return _timed((in_webcam_frame(image, WEBCAM) for image in clip(path, frames)), fps)


def _drawn(frames: int) -> Iterator[Moment]:
    return _timed(drawn(WEBCAM, frames), 30.0)


def _timed(images: Iterator[Image], fps: float) -> Iterator[Moment]:
    for number, image in enumerate(images):
        yield Moment(image, NS_PER_S + round(number * NS_PER_S / fps))


def _measured(home: Paths, persona: str, name: str, footage: Footage) -> list[Result]:
    """A clip in all modes, and its calmest frame standing still."""
    rehearsal = Rehearsal(configure({"face.persona": persona}), home)
    judge = choose_judge(catalogue_folders(None), home.models, rehearsal.networks)
    photos = [(photo, rehearsal.points_in(photo)) for photo in rehearsal.photos()] if judge is not None else []
    who = tuple(judge.describe(photo, points) for photo, points in photos if judge and points is not None)
    tools = Tools(Finder(rehearsal.landmarker()), WarpMeter(), judge, who)
    lab = Lab(ClipStudio(rehearsal), tools, tuple(MODES.values()), "" if judge is not None else NO_JUDGE)
    moving = lab.clip(name, footage, WEBCAM)
    calmest = next(moment.image for number, moment in enumerate(footage()) if number == moving.calmest)
    print(f"  {name}: measured on {len(moving.speed)} frames", flush=True)
    return [moving, lab.still(name, calmest, moving.fps)]


def _bars(result: Result) -> list[Bar]:
    ours, none, ema = (result.figures[mode.name] for mode in (OURS, NONE, EMA))
    if result.posed:
        return [*_of_still(f"{result.name}, still and noise", ours), *against_peers(result)]
    bars = []
    if ours.jitter is not None and none.jitter and ema.jitter:
        bars.append(Bar(f"{result.name}: jitter at rest, of the unsmoothed", 0.35, ours.jitter / none.jitter))
        bars.append(Bar(f"{result.name}: jitter at rest, of the exponential average's", 0.7, ours.jitter / ema.jitter))
    if ours.lag is not None:
        bars.append(Bar(f"{result.name}: lag in motion, % of the face's height", 0.2, abs(ours.lag.percent)))
    if ours.warp is not None and ema.warp is not None:
        bars.append(Bar(f"{result.name}: flow-warp error, of the input's", 1.2, ours.warp.ratio))
        bars.append(
            Bar(f"{result.name}: flow-warp error, of the exponential average's", 1.0, ours.warp.after / ema.warp.after)
        )
    bars.append(Bar(f"{result.name}: frames published, %", 100.0, ours.fates.published, at_least=True))
    return [*bars, *against_peers(result)]


def against_peers(result: Result) -> Iterator[Bar]:
    """Livecam's own steadiness beside what other programs reach: their figure of the same clip is the bar."""
    name = f"{result.name}, still and noise" if result.posed else result.name
    ours = result.figures[OURS.name]
    for peer in PEERS:
        for figure in OF_A_STILL if result.posed else OF_A_CLIP:
            own, theirs = figure.of(ours), figure.of(result.figures[peer.name])
            if own is not None and theirs is not None:
                yield Bar(f"{name}: {figure.what}, against {peer.name}", theirs, own, figure.at_least)


def _of_still(name: str, ours: Figures) -> list[Bar]:
    return [Bar(f"{name}: flow-warp error, of the input's", 0.15, ours.warp.ratio)] if ours.warp is not None else []


def _details(results: list[Result]) -> object:
    """All figures but those of single frames."""
    report = Report(Setup("", "mesh", "", "", 0.0, 0.5, {}), tuple(results)).to_json()
    return [_without_series(each) for each in report["clips"]] if isinstance(report["clips"], list) else []


def _without_series(told: object) -> object:
    if not isinstance(told, dict):
        return told
    return {name: _without_series(value) for name, value in told.items() if name not in ("series", "speed")}
