"""Somebody walks past the wearer: the persona goes to nobody else, and the wearer is never bare."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.app import mesh
from livecam.app.assemble import Assembly
from tests.app.crossing import Walk
from tests.app.crossing_judging import Easel, Painter, Verdict, judged
from tests.app.crossing_people import (
    DRAWN,
    Actor,
    add_drawn_persona,
    drawn_other,
    drawn_wearer,
    enrol,
    of_clip,
    past,
)
from tests.app.enrolling import Place


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is painted and blurred is noted."""
    monkeypatch.setattr(mesh, "MeshSwapper", Painter)
    monkeypatch.setattr(mesh, "CpuCanvas", Easel)


def run(place: Place, walk: Walk, frames: int, other_wears: str = "") -> Verdict:
    config = place.config(people__worn=f"other={other_wears}") if other_wears else place.config()
    processor = Assembly(config, place.paths).make_processor()
    return judged(processor, walk, frames, config.settings, other_wears)


def holds(verdict: Verdict, begins: int, ends: int, frames: int) -> None:
    """What is promised; and before and after the walk there is a picture."""
    assert not verdict.wrong, "the persona is on the wrong person"
    assert not verdict.bare, "the wearer is bare"
    assert len(verdict.swapped) + len(verdict.withheld) == frames
    assert set(range(begins)) <= set(verdict.swapped)
    assert set(range(ends + 15, frames)) <= set(verdict.swapped)


@pytest.mark.parametrize("enrolled", [pytest.param(False, marks=pytest.mark.slow), True])
def test_two_drawn_nobodies(
    enrolled: bool, tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, monkeypatch, recogniser=enrolled)
    if enrolled:
        place.enrol()
    wearer, other = drawn_wearer(), drawn_other()
    walk = Walk(wearer.size, wearer.standing, other.walking, 4, 34)
    holds(run(place, walk, 52), 4, 34, 52)


def test_one_who_stops_before_the_wearer(
    tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second nothing of the wearer is to be seen, and whoever is to be seen did not enrol."""
    place = Place(tmp_path, monkeypatch, recogniser=True)
    place.enrol()
    verdict = run(place, past(drawn_wearer(), drawn_other(), 4, 46, stop=30), 64)
    holds(verdict, 4, 46, 64)
    assert len(verdict.hidden) >= 30
    assert not set(verdict.hidden) & set(verdict.swapped), "with the wearer out of sight nobody is left to swap"


def test_two_enrolled_who_cross_keep_their_personas(
    tmp_path: Path, mesh_models: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, monkeypatch, recogniser=True)
    wearer, other = drawn_wearer(), drawn_other()
    enrol(place, "me", wearer)
    enrol(place, "other", other)
    add_drawn_persona(place)
    verdict = run(place, past(wearer, other, 4, 44, stop=12), 60, DRAWN)
    holds(verdict, 4, 44, 60)
    assert verdict.hidden
    assert verdict.other_worn, "the second was never seen in a persona of their own"


@pytest.fixture(scope="module")
def people() -> dict[str, Actor]:
    """Of the clips that were looked at already."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("enrolled", [False, True])
def test_two_people_of_the_clips(
    enrolled: bool,
    people: dict[str, Actor],
    shared_data: Path,
    tmp_path: Path,
    mesh_models: Mapping[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the weak look: the wearer is enrolled from the first third of the clip."""
    place = Place(tmp_path, monkeypatch, recogniser=False)
    if not people:
        people |= {name: of_clip(place, shared_data / "clips" / f"{name}.mp4", 105) for name in ("d12", "d18")}
    own, other = people["d12"], people["d18"]
    if enrolled:
        enrol(place, "me", own)
    holds(run(place, Walk(own.size, own.standing, other.walking, 15, 75), 105), 15, 75, 105)
