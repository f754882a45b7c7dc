"""One clip through all modes: traces, figures, and the frames that are worth looking at."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from livecam.bench.quality.figures import Figures, figures_of, motion_in
from livecam.bench.quality.measure import Examiner, Footage, Scene, Take, Tools
from livecam.bench.quality.series import Curve, Frames
from livecam.bench.quality.sheet import Shot, Sightseer, worth_seeing
from livecam.bench.quality.smoothers import MODES, NO_PACK, NONE, OURS, Mode
from livecam.bench.quality.still import still_footage
from livecam.bench.quality.trace import Trace
from livecam.core.frame import Image, Size
from livecam.errors import SourceGone

STILL_FRAMES: Final = 60
"""How long the still case is."""

Tell = Callable[[str, int], None]
"""Told what is being run, and which frame it is at."""

_WITH_A_FACE: Final = "Choose a clip with a face."
_NEXT_STEPS: Final = {
    "weak-face": "Choose a clip that shows the face sharper or larger.",
    "uncovered": "Choose a clip in which the face looks towards the camera, with nothing before it.",
    "no-wearer": "Choose a clip that shows one and the same face from its first frame on.",
    "other-person": "Say --others blur, or choose a clip of one person.",
    "failed": "`livecam doctor` may know more.",
}
"""By the reason for which most frames were withheld. Enrolment is none: whoever is there is swapped."""


class Studio(Protocol):
    """Makes pipelines."""

    def take(self, mode: Mode, size: Size) -> Take:
        """A fresh pipeline for frames of `size`, smoothed as `mode` says."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """A clip, measured.

    Attributes:
        name: Of the file.
        posed: Whether it is one frame of that file over and over, with noise.
        size: Of the frames.
        fps: Frames a second.
        traces: By mode.
        figures: By mode.
        speed: (T,) the wearer's, face heights a second.
        still: (T,) which frames are at rest.
        moving: (T,) which are in motion.
        shots: Frames to look at.
    """

    name: str
    posed: bool
    size: Size
    fps: float
    traces: dict[str, Trace]
    figures: dict[str, Figures]
    speed: Curve
    still: Frames
    moving: Frames
    shots: tuple[Shot, ...] = ()

    @property
    def calmest(self) -> int:
        """Number of the frame with the least motion."""
        flow = self.traces[NONE.name].flow
        return int(np.nanargmin(flow)) if np.isfinite(flow).any() else 0


@dataclass(frozen=True, slots=True)
class Lab:
    """Runs clips.

    Attributes:
        studio: Makes pipelines.
        tools: What measures.
        modes: To be compared; the one without smoothing runs in any case, and first.
        no_judge: Why there is no judge; empty when there is one.
        tell: Told how far it has come.
        label: A copy of a picture that is kept of a swapped face, (H, W, 3) u8 BGR, with the label on it.
    """

    studio: Studio
    tools: Tools
    modes: Sequence[Mode]
    no_judge: str = ""
    tell: Tell = lambda _what, _frame: None
    label: Callable[[Image], Image] = lambda image: image

    def clip(self, name: str, footage: Footage, size: Size) -> Result:
        """Measure a clip.

        Raises:
            LivecamError: A part of the pipeline failed.
            SourceGone: There is no face in it, or no frame.
        """
        examiner = Examiner(self.tools)
        plain = self._run(f"{name}: {NONE.name}", examiner, NONE, footage, size)
        if not plain.swapped.any():
            reasons = ", ".join(sorted(set(plain.fates)))
            raise SourceGone(f"No face was swapped in {name}: all frames were {reasons}.", _next_step(plain.fates))
        sightseer = Sightseer(worth_seeing(plain), self.label)
        traces = {NONE.name: plain}
        for mode in self._others():
            show = sightseer if mode == self._shown() else None
            traces[mode.name] = self._run(f"{name}: {mode.name}", examiner, mode, footage, size, show)
        return self._result(name, size, traces, posed=False, shots=sightseer.shots)

    def still(self, name: str, image: Image, fps: float) -> Result:
        """Measure a picture, (H, W, 3) u8 BGR, that stands still but for a bad camera's noise; see `still_footage`.

        Raises:
            LivecamError: As `clip`.
        """
        size = Size(image.shape[1], image.shape[0])
        footage, examiner = still_footage(image, STILL_FRAMES, fps), Examiner(self.tools)
        modes = (NONE, *self._others())
        traces = {mode.name: self._run(f"{name}, still: {mode.name}", examiner, mode, footage, size) for mode in modes}
        return self._result(name, size, traces, posed=True)

    def _others(self) -> tuple[Mode, ...]:
        return tuple(mode for mode in (*MODES.values(), NO_PACK) if mode in self.modes and mode != NONE)

    def _shown(self) -> Mode:
        """The mode whose frames are looked at."""
        return OURS if OURS in self.modes else (self._others() or (NONE,))[0]

    def _run(
        self,
        what: str,
        examiner: Examiner,
        mode: Mode,
        footage: Footage,
        size: Size,
        show: Callable[[Scene], None] | None = None,
    ) -> Trace:
        take = self.studio.take(mode, size)
        try:
            return examiner.run(footage, take, show, lambda frame: self.tell(what, frame))
        finally:
            take.close()

    def _result(
        self, name: str, size: Size, traces: dict[str, Trace], posed: bool, shots: tuple[Shot, ...] = ()
    ) -> Result:
        plain = traces[NONE.name]
        motion = motion_in(plain)
        threshold = self.tools.judge.same_person if self.tools.judge is not None else 0.0
        nowhere = np.zeros(len(plain.fates), dtype=np.bool_)
        return Result(
            name=name,
            posed=posed,
            size=size,
            fps=plain.fps,
            traces=traces,
            figures={
                mode: figures_of(trace, plain, threshold, self.no_judge, posed)
                for mode, trace in traces.items()
                if mode in {wanted.name for wanted in self.modes}
            },
            speed=np.full(len(plain.fates), np.nan) if motion is None else motion.speed,
            still=plain.swapped if posed else nowhere if motion is None else motion.still,
            moving=nowhere if posed or motion is None else motion.moving,
            shots=shots,
        )


def _next_step(fates: Sequence[str]) -> str:
    """What to do about a clip in which nothing was swapped: about what its frames with a face met, where it has any."""
    reasons = Counter(fate.partition(" ")[2] for fate in fates)
    seen = {reason: count for reason, count in reasons.items() if reason in _NEXT_STEPS}
    return _NEXT_STEPS[max(seen, key=lambda reason: seen[reason])] if seen else _WITH_A_FACE
