"""What happens to a frame between the rings: find the wearer, swap, look after everybody else, store.

Backends come in as arguments; this module imports none.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from livecam.core.cleared import How, Withheld
from livecam.core.face import Box, Face
from livecam.core.frame import Frame, Image, Picture
from livecam.core.ladder import Adaptable, Tier
from livecam.core.people import Identifier, Knowing, Known, Standing
from livecam.core.persona import Persona
from livecam.core.seams import Canvas, Follower, Swapper, Watch
from livecam.core.settings import Mode, Others, Settings
from livecam.errors import FaceUncovered

# The watch's box and that of the landmarks are of one face if they share this much.
_SAME_FACE = 0.3
# From this overlap on, as a share of the smaller box, the persona may have been painted on somebody else's face.
_TOUCHING = 0.05

T = TypeVar("T")

PersonaSource = Callable[[str], Persona | None]


class LongestFollowed:
    """The `Identifier` where nobody is enrolled: the wearer is the face followed longest, the largest one at first."""

    told = "the face followed longest"

    def __call__(self, image: Image, faces: Sequence[Face], captured_ns: int) -> Knowing:
        """The first of `faces` is the wearer."""
        ids = [face.track_id for face in faces]
        return {number: Known(Standing.OTHER if place else Standing.WEARER) for place, number in enumerate(ids)}

    def reset(self) -> None:
        """Nothing is kept."""


class Pipeline(Generic[T]):
    """The processor of the live path. Who is there is told from the frame as it came; work is done on the canvas.

    Args:
        canvas: The frame while it is worked on.
        follower: Finds and follows the wearer.
        watch: Looks for everybody else, beside the swap.
        swapper: Paints the persona.
        personas: Prepared personas by name; None when a name is not known. Never blocks.
        adaptable: Those of these parts that can spend less under load. The watch is never one of them.
        identifier: Tells whom to swap; whoever has been followed longest unless given.
        people: The personas of enrolled people, by person: the name of one, or "" for that of the settings. Empty where
            nobody is enrolled.
    """

    def __init__(
        self,
        canvas: Canvas[T],
        follower: Follower,
        watch: Watch,
        swapper: Swapper[T],
        personas: PersonaSource,
        adaptable: Sequence[Adaptable] = (),
        identifier: Identifier | None = None,
        people: Mapping[str, str] | None = None,
    ) -> None:
        self._canvas = canvas
        self._follower = follower
        self._watch = watch
        self._swapper = swapper
        self._personas = personas
        self._adaptable = tuple(adaptable)
        self._identifier = identifier or LongestFollowed()
        self._people = people or {}
        self._stages: dict[str, int] = {}

    def stages(self) -> Mapping[str, int]:
        """Duration of each stage of the last `process`, ns."""
        return self._stages

    def reset(self) -> None:
        """Forget tracks, colours and what the watch saw."""
        self._follower.reset()
        self._swapper.reset()
        self._watch.reset()
        self._identifier.reset()

    def adapt(self, tier: Tier) -> None:
        """From the next frame on spend no more than `tier` on how the picture looks."""
        for part in self._adaptable:
            part.adapt(tier)

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        """Swap the wearer's face in `frame` and write the picture into `out`; see `Processor`."""
        if settings.panic:
            return Withheld.PANIC
        self._canvas.load(frame)
        if settings.mode is Mode.PASSTHROUGH:
            self._timed("store", lambda: self._canvas.store(out))
            return How.PASSED
        return self._swap(frame, out, settings)

    def _swap(self, frame: Frame, out: Picture, settings: Settings) -> How | Withheld:
        personas = self._dressed(settings)
        if personas is None:
            return Withheld.NO_PERSONA
        started_ns = time.perf_counter_ns()
        self._watch.begin(frame.image)
        faces = self._follower(frame.image, frame.captured_ns, settings.steadiness)
        known = self._identifier(frame.image, faces, frame.captured_ns)
        wearers = [face for face in faces if known[face.track_id].standing is Standing.WEARER]
        tracked_ns = time.perf_counter_ns()
        if not wearers:
            self._watch.finish(())
            return Withheld.NO_WEARER if faces else Withheld.NO_FACE
        self._watch.copied()
        try:
            for wearer in wearers:
                persona = personas.get(known[wearer.track_id].person, personas[""])
                self._swapper(self._canvas, wearer, persona, settings)
        except FaceUncovered:
            # No failure: turned away, or behind a hand. Nothing is forgotten, so that it does not flap.
            self._watch.finish(())
            return Withheld.UNCOVERED
        swapped_ns = time.perf_counter_ns()
        unseen = self._watch.finish(tuple(wearer.box for wearer in wearers))
        watched_ns = time.perf_counter_ns()
        self._stages = {"track": tracked_ns - started_ns, "swap": swapped_ns - tracked_ns}
        self._stages["watch"] = watched_ns - swapped_ns
        if not all(self._watch.confirms(wearer.box) for wearer in wearers):
            # The landmarker follows something that is no face; look for the wearer anew.
            self._follower.reset()
            return Withheld.WEAK_FACE
        if not self._cover(faces, known, unseen, settings.others):
            return Withheld.OTHER_PERSON
        self._canvas.mark()
        self._timed("store", lambda: self._canvas.store(out))
        return How.SWAPPED

    def _dressed(self, settings: Settings) -> Mapping[str, Persona] | None:
        """The persona of each person, "" being whoever has none of their own; None if one is not known."""
        dressed: dict[str, Persona] = {}
        for person, name in {**self._people, "": settings.persona}.items():
            persona = self._personas(name or settings.persona)
            if persona is None:
                return None
            dressed[person] = persona
        return dressed

    def _cover(self, faces: Sequence[Face], known: Knowing, unseen: Sequence[Box], others: Others) -> bool:
        """Do to everybody else what `others` says; false if the picture must not leave.

        Whoever may be a wearer is covered even where other people are left as they are. That goes for faces that
        nobody follows too, once wearers are told by who they are; and for whoever is so near a wearer that the persona
        may have been painted on them, since it cannot be told who is in front.
        """
        rest = [(face.box, known[face.track_id].standing) for face in faces]
        wearers = [box for box, standing in rest if standing is Standing.WEARER]
        rest = [(box, standing) for box, standing in rest if standing is not Standing.WEARER]
        rest += [(box, self._standing(box, rest)) for box in unseen]
        if rest and others is Others.WITHHOLD:
            return False
        for box, standing in rest:
            touching = any(box.overlap(wearer) > _TOUCHING * min(box.area, wearer.area) for wearer in wearers)
            if touching or standing is Standing.UNSURE or others is not Others.LEAVE:
                self._canvas.blur(box)
        return True

    def _standing(self, box: Box, followed: Sequence[tuple[Box, Standing]]) -> Standing:
        """What a face the watch saw is: that of the followed one it lies on, else unsure once people are enrolled."""
        if not self._people:
            return Standing.OTHER
        return next((standing for other, standing in followed if box.iou(other) >= _SAME_FACE), Standing.UNSURE)

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        started_ns = time.perf_counter_ns()
        work()
        self._stages[name] = time.perf_counter_ns() - started_ns
