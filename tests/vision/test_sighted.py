"""The watch over a detector that looks at every frame anyway."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from livecam.core.face import Detection
from livecam.core.frame import Image
from livecam.core.seams import Watch
from livecam.errors import ContractError, DeviceError, EngineError
from livecam.vision.sighted import DetectionWatch
from livecam.vision.sightings import WatchRules
from tests.vision.test_sightings import OTHER, WEARER, covers, moved, seen

RULES = WatchRules()
IMAGE: Image = np.zeros((72, 128, 3), np.uint8)


@dataclass
class Looker:
    """A detector that finds what it is told to, from the threshold on."""

    faces: list[Detection] = field(default_factory=list)
    error: Exception | None = None
    asked: list[float] = field(default_factory=list)

    def __call__(self, image: Image, threshold: float) -> list[Detection]:
        self.asked.append(threshold)
        if self.error is not None:
            raise self.error
        return [face for face in self.faces if face.score >= threshold]


def look(watch: DetectionWatch, known: tuple[object, ...] = ()) -> tuple[object, ...]:
    watch.begin(IMAGE)
    watch.copied()
    return watch.finish(known)  # type: ignore[arg-type]


def test_everybody_but_the_wearer_is_reported_at_the_lower_score() -> None:
    detector = Looker([seen(WEARER), seen(OTHER, RULES.far_score), seen(moved(OTHER, -800), RULES.far_score - 0.01)])
    watch = DetectionWatch(detector)
    checked: Watch = watch
    assert look(watch, (WEARER,)) == (OTHER,)
    assert detector.asked == [RULES.far_score]
    checked.close()


def test_who_is_missed_for_a_moment_stays_covered() -> None:
    detector = Looker([seen(WEARER), seen(OTHER)])
    watch = DetectionWatch(detector)
    look(watch, (WEARER,))
    detector.faces = [seen(WEARER)]
    for _ in range(RULES.remember):
        assert covers(look(watch, (WEARER,)), OTHER)  # type: ignore[arg-type]
    assert look(watch, (WEARER,)) == ()


def test_only_what_is_sure_confirms_the_wearer_and_not_for_long() -> None:
    detector = Looker([seen(WEARER, RULES.sure - 0.01)])
    watch = DetectionWatch(detector)
    look(watch, (WEARER,))
    assert not watch.confirms(WEARER)
    detector.faces = [seen(WEARER, RULES.sure)]
    look(watch, (WEARER,))
    assert watch.confirms(WEARER)
    assert not watch.confirms(OTHER)
    detector.faces = []
    for _ in range(RULES.doubt):
        look(watch, (WEARER,))
        assert watch.confirms(WEARER)
    for _ in range(RULES.remember):
        look(watch, (WEARER,))
    assert not watch.confirms(WEARER)


def test_what_was_seen_is_forgotten_when_the_source_is_another() -> None:
    watch = DetectionWatch(Looker([seen(WEARER), seen(OTHER)]))
    look(watch, (WEARER,))
    watch.reset()
    assert not watch.confirms(WEARER)
    watch._detector = Looker()
    assert look(watch, ()) == ()


@pytest.mark.parametrize("error", [DeviceError("lost"), ContractError("NaN")])
def test_a_look_that_fails_is_no_empty_room(error: Exception) -> None:
    detector = Looker([seen(WEARER), seen(OTHER)])
    watch = DetectionWatch(detector)
    look(watch, (WEARER,))
    detector.error = error
    with pytest.raises(type(error)):
        watch.begin(IMAGE)
    with pytest.raises(EngineError, match="was not asked to look"):
        watch.finish((WEARER,))
    detector.error = None
    assert look(watch, (WEARER,)) == (OTHER,)


def test_no_answer_serves_two_frames() -> None:
    watch = DetectionWatch(Looker([seen(OTHER)]))
    look(watch)
    with pytest.raises(EngineError, match="was not asked to look"):
        watch.finish(())
