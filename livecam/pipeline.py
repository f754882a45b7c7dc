"""What happens to a frame between the rings: find the wearer, swap, look after everybody else, store.

Backends come in as arguments; this module imports none.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from livecam.core.cleared import How, Withheld
from livecam.core.face import Box, Face
from livecam.core.frame import Frame, Picture
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Follower, Swapper, Watch
from livecam.core.settings import Mode, Others, Settings

T = TypeVar("T")

PersonaSource = Callable[[str], Persona | None]


class Pipeline(Generic[T]):
    """The processor of the live path. Who is there is told from the frame as it came; work is done on the canvas.

    Args:
        canvas: The frame while it is worked on.
        follower: Finds and follows the wearer.
        watch: Looks for everybody else, beside the swap.
        swapper: Paints the persona.
        personas: Prepared personas by name; None when a name is not known. Never blocks.
    """

    def __init__(
        self,
        canvas: Canvas[T],
        follower: Follower,
        watch: Watch,
        swapper: Swapper[T],
        personas: PersonaSource,
    ) -> None:
        self._canvas = canvas
        self._follower = follower
        self._watch = watch
        self._swapper = swapper
        self._personas = personas
        self._stages: dict[str, int] = {}

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last `process`, ns."""
        return self._stages

    def reset(self) -> None:
        """Forget tracks, colours and what the watch saw."""
        self._follower.reset()
        self._swapper.reset()
        self._watch.reset()

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """Swap the wearer's face in `frame` and write the picture into `out`; see `Processor`."""
        if settings.panic:
            return Withheld.PANIC
        self._canvas.load(frame)
        if settings.mode is Mode.PASSTHROUGH:
            self._timed("store", lambda: self._canvas.store(out))
            return How.PASSED
        persona = self._personas(settings.persona)
        if persona is None:
            return Withheld.NO_PERSONA
        return self._swap(frame, out, settings, persona)

    def _swap(self, frame: Frame, out: Picture, settings: Settings, persona: Persona) -> How | Withheld:
        started_ns = time.perf_counter_ns()
        self._watch.begin(frame.image)
        faces = self._follower(frame.image, frame.captured_ns, settings.steadiness)
        tracked_ns = time.perf_counter_ns()
        if not faces:
            self._watch.finish(())
            return Withheld.NO_FACE
        wearer = faces[0]
        self._watch.copied()
        self._swapper(self._canvas, wearer, persona, settings)
        swapped_ns = time.perf_counter_ns()
        others = self._others(wearer, faces[1:])
        watched_ns = time.perf_counter_ns()
        self._stages = {"track": tracked_ns - started_ns, "swap": swapped_ns - tracked_ns}
        self._stages["watch"] = watched_ns - swapped_ns
        if not self._watch.confirms(wearer.box):
            # The landmarker follows something that is no face; look for the wearer anew.
            self._follower.reset()
            return Withheld.WEAK_FACE
        if others and settings.others is Others.WITHHOLD:
            return Withheld.OTHER_PERSON
        if settings.others is not Others.LEAVE:
            for box in others:
                self._canvas.blur(box)
        self._timed("store", lambda: self._canvas.store(out))
        return How.SWAPPED

    def _others(self, wearer: Face, rest: Sequence[Face]) -> list[Box]:
        """Boxes of every face-like region that was not swapped."""
        return [face.box for face in rest] + list(self._watch.finish((wearer.box,)))

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        started_ns = time.perf_counter_ns()
        work()
        self._stages[name] = time.perf_counter_ns() - started_ns
