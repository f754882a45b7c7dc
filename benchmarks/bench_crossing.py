"""A second person walks through the picture: is the persona ever on the wrong one, or the wearer ever bare?

Scenes are composed of two clips, so that it is known in every frame where both really are: tests/app/crossing.py. They
go through the live path's own follower, watch, identifier, swapper and canvas, 30 frames a second by their own time but
not in real time: whatever looks beside the swap is waited for. Every picture that would leave is judged.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import pytest

from benchmarks.common import Bar, publish
from benchmarks.footage import clips_folder
from livecam.app import mesh
from livecam.app.assemble import Assembly
from livecam.vision.watch import FaceWatch
from tests.app.crossing_judging import Easel, Painter, Verdict, judged
from tests.app.crossing_people import DRAWN, Actor, add_drawn_persona, drawn_other, drawn_wearer, enrol, of_clip, past
from tests.app.enrolling import Place
from tests.patience import UNHURRIED_S, wait_longer

COMMAND = "python -m benchmarks crossing"

CLIPS = ("d3", "d10", "d12", "d18", "s32")
NOBODY, WEARER, BOTH = "nobody", "the wearer", "both"
BEGINS, AFTER = 8, 15
PATIENT = ("livecam.vision.flow._PATIENCE_S", "livecam.vision.hands.occluder._PATIENCE_S")


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody passes.

    Attributes:
        takes: Frames from coming in to having left.
        stop: Frames of these before the wearer.
        behind: Whether they pass behind.
    """

    takes: int
    stop: int = 0
    behind: bool = False


STOPS = "in front, with a stop"
WAYS = {
    "in front, quickly": Way(20),
    "in front, slowly": Way(50),
    STOPS: Way(62, 32),
    "behind": Way(45, behind=True),
}
PHASES = 8
LONGEST = BEGINS + PHASES + max(way.takes for way in WAYS.values()) + AFTER


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens, and who is enrolled: nobody, the wearer, or both, with a persona each."""

    wearer: str
    other: str
    way: str
    enrolled: str

    @property
    def begins(self) -> int:
        """The frame with which the other comes in.

        The follower looks for newcomers now and then: how long it takes to find one depends on when they come.
        """
        place = CLIPS.index(self.wearer) if self.wearer in CLIPS else 0
        phase = 3 * place + 2 * tuple(WAYS).index(self.way) + 4 * (self.enrolled == WEARER)
        return BEGINS + phase % PHASES

    @property
    def ends(self) -> int:
        """The frame with which they have left."""
        return self.begins + WAYS[self.way].takes

    @property
    def frames(self) -> int:
        """How many."""
        return self.ends + 1 + AFTER

    def __str__(self) -> str:
        return f"{self.other} past {self.wearer}, {self.way}, enrolled: {self.enrolled}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scene, judged."""

    scene: Scene
    told: str
    verdict: Verdict

    def __str__(self) -> str:
        verdict = self.verdict
        told = (
            f"published {len(verdict.swapped)}, withheld {len(verdict.withheld)}, wearer hidden {len(verdict.hidden)}"
        )
        faults = f"wrong {verdict.wrong}, wearer bare {verdict.bare}, other bare {verdict.uncovered}"
        return f"{self.scene}: {told}; {faults}"

    def details(self) -> Mapping[str, object]:
        """What is kept of it. Frames are told by their numbers where there are few to be had."""
        verdict = self.verdict
        late = [number for number in verdict.withheld if number > self.scene.ends]
        return {
            "wearer": self.scene.wearer,
            "other": self.scene.other,
            "way": self.scene.way,
            "enrolled": self.scene.enrolled,
            "told": self.told,
            "begins": self.scene.begins,
            "ends": self.scene.ends,
            "frames": len(verdict.swapped) + len(verdict.withheld),
            "published": len(verdict.swapped),
            "withheld": len(verdict.withheld),
            "withheld_after_they_left": len(late),
            "wearer_hidden": len(verdict.hidden),
            "persona_on_the_wrong_person": verdict.wrong,
            "wearer_bare": verdict.bare,
            "other_bare": verdict.uncovered,
            "other_in_own_persona": len(verdict.other_worn),
        }


def main(quick: bool) -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="livecam-bench-") as kept, pytest.MonkeyPatch.context() as patch:
        _noted_and_waited_for(patch)
        stage, outcomes = Stage(Path(kept), patch), []
        for scene in stage.scenes(quick):
            outcomes.append(stage.play(scene))
            print(f"  {outcomes[-1]}", flush=True)
    publish("crossing", COMMAND, _bars(outcomes), [outcome.details() for outcome in outcomes], quick)


def _noted_and_waited_for(patch: pytest.MonkeyPatch) -> None:
    """What is painted and blurred is noted; and a busy machine withholds nothing that an idle one would publish."""
    patch.setattr(mesh, "MeshSwapper", Painter)
    patch.setattr(mesh, "CpuCanvas", Easel)
    wait_longer(patch, PATIENT)
    patch.setattr(mesh, "FaceWatch", partial(FaceWatch, patience_s=UNHURRIED_S))


class Stage:
    """Where scenes are played: people of the clips, or the two drawn ones where there are no clips.

    Args:
        folder: For what is enrolled, a folder for each.
        patch: For the recogniser that is planted for drawn faces, which the weak look cannot tell apart.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        self._clips = clips_folder()
        self._people: dict[str, Actor] = {}
        self._places = 0
        if self._clips is None:
            print("  no clips beside this checkout: measured on the drawn faces only", flush=True)

    def scenes(self, quick: bool) -> list[Scene]:
        """All that are played; for a quick look only those with a stop, of one wearer."""
        if self._clips is None:
            scenes = [Scene("drawn", "another drawn", way, who) for who in (NOBODY, WEARER, BOTH) for way in WAYS]
        else:
            scenes = [Scene(one, _after(one, 1), way, NOBODY) for one in CLIPS for way in WAYS]
            scenes += [Scene(one, _after(one, 2), way, WEARER) for one in CLIPS for way in WAYS]
            scenes += [Scene(one, _after(one, 3), way, BOTH) for one, way in zip(CLIPS, WAYS, strict=False)]
        wearer = "d12" if self._clips is not None else "drawn"
        return [scene for scene in scenes if scene.way == STOPS and scene.wearer == wearer] if quick else scenes

    def play(self, scene: Scene) -> Outcome:
        """Play one, where nothing is known of those before."""
        self._places += 1
        place = Place(self._folder / str(self._places), self._patch, recogniser=self._clips is None)
        wearer, other, way = self._actor(scene.wearer), self._actor(scene.other), WAYS[scene.way]
        if scene.enrolled != NOBODY:
            enrol(place, "me", wearer)
        wears = DRAWN if scene.enrolled == BOTH else ""
        if wears:
            enrol(place, "other", other)
            add_drawn_persona(place)
        config = place.config(people__worn=f"other={wears}") if wears else place.config()
        walk = past(wearer, other, scene.begins, scene.ends, way.stop, behind=way.behind)
        assembly = Assembly(config, place.paths)
        try:
            verdict = judged(assembly.make_processor(), walk, scene.frames, config.settings, wears)
        finally:
            assembly.close()
        return Outcome(scene, assembly.wearer, verdict)

    def _actor(self, name: str) -> Actor:
        if name not in self._people:
            self._people[name] = self._met(name)
        return self._people[name]

    def _met(self, name: str) -> Actor:
        if self._clips is None:
            return drawn_wearer() if name == "drawn" else drawn_other()
        place = Place(self._folder / "clips", self._patch, recogniser=False)
        return of_clip(place, self._clips / f"{name}.mp4", LONGEST)


def _after(name: str, steps: int) -> str:
    """Another of the clips."""
    return CLIPS[(CLIPS.index(name) + steps) % len(CLIPS)]


def _bars(outcomes: Sequence[Outcome]) -> list[Bar]:
    alone = [outcome.verdict for outcome in outcomes if outcome.scene.enrolled != BOTH]
    both = [outcome.verdict for outcome in outcomes if outcome.scene.enrolled == BOTH]
    stops = [len(outcome.verdict.hidden) for outcome in outcomes if outcome.scene.way == STOPS]
    bars = [
        Bar("frames with the persona on the wrong person", 0, sum(len(verdict.wrong) for verdict in alone)),
        Bar("frames with the wearer bare", 0, sum(len(each.verdict.bare) for each in outcomes)),
        Bar("wearer wholly hidden in a scene with a stop, frames, fewest", 30, min(stops), at_least=True),
    ]
    if both:
        exchanged = sum(len(verdict.wrong) for verdict in both)
        bars.append(Bar("two enrolled: frames with a persona on the other of them", 0, exchanged))
        worn = sum(len(verdict.other_worn) for verdict in both)
        bars.append(Bar("two enrolled: frames with the second in their own persona", 1, worn, at_least=True))
    return bars
