"""Converting a video file: every frame once, in order, in pieces that survive an interruption."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from livecam.app.convert_clearing import Clearing
from livecam.app.convert_clip import Clip, Shot
from livecam.app.convert_doors import discard, refusal
from livecam.app.convert_encode import Encoder
from livecam.app.convert_join import Joined, join
from livecam.app.convert_part import PartFolder, Segment
from livecam.app.convert_summary import SWAPPED, ConversionStopped, NothingCleared, Options, Tally, plural
from livecam.app.convert_why import main_reason, why
from livecam.core.frame import NS_PER_S
from livecam.errors import SourceError
from livecam.inference.progress import Progress

WARM_UP_FRAMES: Final = 30
WARM_UP_NS: Final = NS_PER_S
"""At least so many frames and so much media time before the first new one go through the pipeline again when a
conversion goes on, so that tracking, light and the watch's memory (21 frames) are what they would have been."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a video's conversion is made of.

    Attributes:
        source: IN.
        target: OUT.
        clip: IN, open.
        clearing: Judges its frames.
        part: Where pieces are kept.
        options: How to convert.
        warm_up_ns: Media time that goes through the pipeline again when the conversion goes on.
        progress: Told how far it has come.
        stop: Ends it in order when set.
    """

    source: Path
    target: Path
    clip: Clip
    clearing: Clearing
    part: PartFolder
    options: Options
    warm_up_ns: int
    progress: Progress
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it.

    Attributes:
        tally: What became of all frames.
        resumed: How many of them an earlier run had done.
        media_s: Length of the video.
        audio: What became of the sound.
        notes: In sentences.
    """

    tally: Tally
    resumed: int
    media_s: float
    audio: str
    notes: tuple[str, ...]


def convert_video(work: Work) -> Done:
    """Convert, or go on with what an earlier run left.

    Raises:
        ConversionStopped: `stop` was set; what is finished is kept.
        NothingCleared: Not one frame was swapped; there is no OUT.
        SourceError: IN could not be read on at all.
        SinkError: OUT could not be written; what is finished is kept.
    """
    left = work.part.open(start_over=work.options.start_over)
    if not left.complete:
        _Swapping(work, left.segments).run()
    segments = work.part.segments
    tally = sum((Tally(segment.tally) for segment in segments), Tally())
    if not tally[SWAPPED]:
        work.part.remove()
        raise _nothing(work, tally)
    joined = _joined(work)
    work.part.remove()
    media_s = float((segments[-1].end - segments[0].first) * work.clip.info.time_base)
    resumed = sum(segment.frames for segment in left.segments)
    notes = (*work.clip.info.notes, left.note, work.part.note, *joined.notes)
    return Done(tally, resumed, media_s, joined.audio, tuple(filter(None, notes)))


def _nothing(work: Work, tally: Tally) -> NothingCleared:
    """The error for a video of which no frame was swapped."""
    reasons = ", ".join(f"{name} ({count})" for name, count in sorted(tally.items()))
    # A failed look makes the next ones start anew, and find nothing: then the failure is what is to be told.
    what, next_step = ("", work.clearing.problem) if work.clearing.problem else why(main_reason(tally), "video")
    told = f"{work.source} was not converted: not one of its frames could be swapped: {reasons}. {what}"
    return NothingCleared(told.rstrip(), next_step)


class _Swapping:
    """Frames to pieces, from where the last run stopped."""

    def __init__(self, work: Work, before: tuple[Segment, ...]) -> None:
        self._work = work
        self._start = sum(segment.frames for segment in before)
        self._last_ns = work.clip.media_ns(before[-1].last) if before else 0
        self._encoder = Encoder(work.clip.info, work.options.crf)
        self._tally = Tally()

    def run(self) -> None:
        """Convert what is left.

        Raises:
            ConversionStopped: `stop` was set; what is done so far is kept.
            SourceError: Not one frame could be read.
        """
        try:
            for shot in self._shots():
                self._swap(shot)
        except SourceError as error:
            if not (self._encoder.frames or self._start):
                raise
            note = f"{error.what} What comes after {plural(self._work.clip.decoded, 'frame')} is missing."
        else:
            note = self._work.clip.shortfall()
        if self._encoder.frames:
            self._keep()
        self._work.part.complete(note)

    def _shots(self) -> Iterator[Shot]:
        """Those to be judged. What comes before them is decoded and passed over: a seek is exact in few formats."""
        total = self._work.clip.info.total
        for shot in self._work.clip.shots():
            self._check_stop()
            if shot.number >= self._start or self._warms(shot):
                yield shot
            if shot.number < self._start:
                self._work.progress.update("Finding the place", shot.number + 1, self._start)
            else:
                done, left = shot.number + 1 - self._start, max(total - self._start, 0)
                self._work.progress.update("Swapping", done, max(left, done) if total else 0)

    def _warms(self, shot: Shot) -> bool:
        near = shot.number >= self._start - WARM_UP_FRAMES
        return near or self._work.clip.media_ns(shot.pts) >= self._last_ns - self._work.warm_up_ns

    def _swap(self, shot: Shot) -> None:
        work = self._work
        judged = work.clearing(partial(work.clip.draw, shot), shot.number + 1, work.clip.media_ns(shot.pts))
        if shot.number < self._start:
            return
        if self._length_s(shot) >= work.options.segment_s and self._may_keep:
            self._keep()
        self._tally[judged.fate] += 1
        self._encoder.add(judged.cleared, shot.pts, shot.duration)

    def _length_s(self, shot: Shot) -> float:
        return float((shot.pts - self._encoder.first) * self._work.clip.info.time_base)

    @property
    def _may_keep(self) -> bool:
        """Whether there is a piece under way that is worth it.

        While the backend fails it is not: if that is its end, these frames are done again by the next run.
        """
        return self._encoder.frames > 0 and not self._work.clearing.failing

    def _keep(self) -> None:
        tally, self._tally = self._tally, Tally()
        self._work.part.add(self._encoder.finish(), tally)

    def _check_stop(self) -> None:
        if self._work.stop.is_set():
            if self._may_keep:
                self._keep()
            raise stopped(self._work)


def stopped(work: Work) -> ConversionStopped:
    """The error that says how to go on."""
    kept = sum(segment.frames for segment in work.part.segments)
    if not kept:
        work.part.remove()
        return ConversionStopped("Stopped before the first frame was finished.")
    total = f" of {work.clip.info.total}" if work.clip.info.total else ""
    return ConversionStopped(
        f"Stopped; {kept}{total} frames are finished and kept in {work.part.path}.",
        "The same command goes on from there; with --start-over it does not.",
    )


def _check_stop(work: Work) -> None:
    if work.stop.is_set():
        raise stopped(work)


def _joined(work: Work) -> Joined:
    part = work.part
    work.progress.update("Joining", 0, 0)
    try:
        joined = join(part.segments, part.path, work.clip.info, work.source, part.joined, lambda: _check_stop(work))
        part.joined.replace(work.target)
    except OSError as error:
        raise refusal(work.target, error) from error
    finally:
        discard(part.joined)
    return joined
