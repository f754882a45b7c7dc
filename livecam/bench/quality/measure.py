"""Runs a clip through the pipeline in one mode, and notes of each frame what the figures are made of."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

import numpy as np

from livecam.bench.quality.judge import Descriptor, Judge
from livecam.bench.quality.series import Curve
from livecam.bench.quality.trace import MESH_POINTS, SWAPPED, Trace
from livecam.bench.quality.warp import FaceArea, WarpMeter, bgr_of, face_area, flow_in, warp_error
from livecam.core.face import Face
from livecam.core.frame import Image, Picture, Points

Find: TypeAlias = Callable[[Image, Points], Points]
"""The mesh, (478, 3) f32 px, in an image, of the face about these mesh points."""


class Moment(NamedTuple):
    """One frame of a clip.

    Attributes:
        image: (H, W, 3) u8 BGR, of even sides; borrowed until the next one.
        media_ns: When it is shown, above 0, rising.
    """

    image: Image
    media_ns: int


Footage: TypeAlias = Callable[[], Iterator[Moment]]
"""The frames of a clip from its first one on, the same every time."""


class Taken(NamedTuple):
    """What the pipeline and the gate made of a frame.

    Attributes:
        picture: (H * 3 / 2, W) u8 I420, as it would go out; borrowed until the next one.
        fate: `SWAPPED`, or ``held REASON`` or ``slated REASON``.
        wearer: The face as it was drawn from; None when there was none.
        step_ns: How long the pipeline took.
    """

    picture: Picture
    fate: str
    wearer: Points | None
    step_ns: int


class Take(Protocol):
    """The pipeline at work on one clip in one mode. Used by one thread, frame after frame."""

    def __call__(self, image: Image, seq: int, media_ns: int) -> Taken:
        """Swap the next frame; `image` is left as it is."""
        ...

    def plain(self, image: Image) -> Picture:
        """(H * 3 / 2, W) u8 I420, a new array: `image` unswapped, written in the way that pictures are."""
        ...

    def close(self) -> None:
        """End its threads. Idempotent."""
        ...


class InputNote(NamedTuple):
    """What is measured of an input frame, once for all modes.

    Attributes:
        found: (478, 3) f32 px, landmarks found in it afresh.
        colour: (3,) f64 mean B, G, R inside the face.
        warp: Flow-warp error against the frame before; NaN at the first.
        flow: Optical flow since the frame before, px; NaN at the first.
        who: The judge's descriptor; None when it was not asked.
    """

    found: Points
    colour: Curve
    warp: float
    flow: float
    who: Descriptor | None


class Scene(NamedTuple):
    """One swapped frame, to look at; its arrays are borrowed.

    Attributes:
        number: Of the frame, from 0.
        before: (H, W, 3) u8 BGR, what came in.
        after: (H, W, 3) u8 BGR, what went out.
        area: The face's.
    """

    number: int
    before: Image
    after: Image
    area: FaceArea


@dataclass(frozen=True, slots=True)
class Tools:
    """What measures.

    Attributes:
        finder: Finds landmarks afresh; see `looks.Finder`.
        warp: Measures along the flow.
        judge: Tells who a face is; None when there is none here.
        persona: The judge's descriptors of the persona's photos.
        judge_every: So many frames to one that is judged.
    """

    finder: Find
    warp: WarpMeter
    judge: Judge | None
    persona: Sequence[Descriptor] = ()
    judge_every: int = 8


_NOWHERE: Final = np.full((MESH_POINTS, 3), np.nan, dtype=np.float32)
_NO_COLOUR: Final = np.full(3, np.nan)
_NAN: Final = float("nan")


class _Line(NamedTuple):
    """One frame of a trace; the fields are those of `Trace`."""

    drawn: Points = _NOWHERE
    before: Points = _NOWHERE
    after: Points = _NOWHERE
    flow: float = _NAN
    warp_before: float = _NAN
    warp_after: float = _NAN
    colour_before: Curve = _NO_COLOUR
    colour_after: Curve = _NO_COLOUR
    to_persona: float = _NAN
    to_wearer: float = _NAN
    apart: float = _NAN


class _Pair(NamedTuple):
    """A frame as it came in and as it went out."""

    before: Image
    after: Image


@dataclass(slots=True)
class Examiner:
    """Measures the frames of one clip. Keeps what it noted of the input, so that it is measured once for all modes.

    Attributes:
        tools: What measures.
        notes: Of input frames, by number.
    """

    tools: Tools
    notes: dict[int, InputNote] = field(default_factory=dict)

    def run(
        self,
        footage: Footage,
        take: Take,
        show: Callable[[Scene], None] | None = None,
        tell: Callable[[int], None] = lambda _: None,
    ) -> Trace:
        """Run all frames of `footage` through `take`.

        Args:
            footage: The frames.
            take: A fresh pipeline.
            show: Told of every frame that was swapped.
            tell: Told the number of every frame.

        Raises:
            LivecamError: A part of the pipeline failed.
            LookupError: The clip has no frames.
        """
        times, fates, steps, lines = [], [], [], []
        last: _Pair | None = None
        size = (0, 0)
        for number, (image, media_ns) in enumerate(footage()):
            size = (image.shape[1], image.shape[0])
            tell(number)
            taken = take(image, number + 1, media_ns)
            pair, line = None, _Line()
            if taken.fate == SWAPPED and taken.wearer is not None:
                pair = _Pair(bgr_of(take.plain(image)), bgr_of(taken.picture))
                line, area = self._line(number, taken.wearer, pair, last)
                if show is not None:
                    show(Scene(number, *pair, area))
            last = pair
            times.append(media_ns)
            fates.append(taken.fate)
            steps.append(taken.step_ns / 1e6 if pair is not None else _NAN)
            lines.append(line)
        if not lines:
            raise LookupError("The clip has no frames.")
        columns = [np.stack(column) for column in zip(*lines, strict=True)]
        return Trace(size, np.array(times, dtype=np.int64), tuple(fates), np.array(steps), *columns)

    def _line(self, number: int, drawn: Points, pair: _Pair, last: _Pair | None) -> tuple[_Line, FaceArea]:
        note = self.notes.get(number)
        found = self.tools.finder(pair.before, drawn) if note is None else note.found
        area = face_area(found, pair.before.shape)
        warp_after = _NAN
        warp_before, flow = (_NAN, _NAN) if note is None else (note.warp, note.flow)
        if last is not None:
            where = self.tools.warp.where(last.before, pair.before, area.patch)
            warp_after = warp_error(last.after, pair.after, where, area)
            if math.isnan(warp_before):
                warp_before, flow = warp_error(last.before, pair.before, where, area), flow_in(where, area)
        if note is None:
            note = InputNote(found, area.colour(pair.before), _NAN, _NAN, self._who(number, pair.before, found))
        note = note._replace(warp=warp_before, flow=flow)
        self.notes[number] = note
        line = _Line(
            drawn=drawn,
            before=note.found,
            after=self.tools.finder(pair.after, note.found),
            flow=note.flow,
            warp_before=note.warp if last is not None else _NAN,
            warp_after=warp_after,
            colour_before=note.colour,
            colour_after=area.colour(pair.after),
            **self._distances(note, pair.after),
        )
        return line, area

    def _who(self, number: int, image: Image, mesh: Points) -> Descriptor | None:
        judge = self.tools.judge
        return judge.describe(image, mesh) if judge is not None and number % self.tools.judge_every == 0 else None

    def _distances(self, note: InputNote, after: Image) -> dict[str, float]:
        """The judge's distances, by the field of `Trace`; empty when the frame is not judged."""
        judge, persona = self.tools.judge, self.tools.persona
        if judge is None or note.who is None or not persona:
            return {}
        output = judge.describe(after, note.found)
        return {
            "to_persona": _nearest(judge, output, persona),
            "to_wearer": judge.distance(output, note.who),
            "apart": _nearest(judge, note.who, persona),
        }


def _nearest(judge: Judge, one: Descriptor, others: Sequence[Descriptor]) -> float:
    return min(judge.distance(one, other) for other in others)


def wearer_points(face: Face | None) -> Points | None:
    """(478, 3) f32 px of a mesh face; None for none, and for landmarks that are no mesh with irises."""
    if face is None or len(face.landmarks.points) != MESH_POINTS:
        return None
    return np.column_stack([face.landmarks.points, face.depth])
