"""What the measurement of crossings plays, and what it holds against what it saw."""

from pathlib import Path

import pytest

from benchmarks import bench_crossing
from benchmarks.bench_crossing import BOTH, CLIPS, NOBODY, STOPS, WAYS, WEARER, Outcome, Scene, Stage
from tests.app.crossing_judging import Verdict


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Where the clips are, as far as it knows."""
    monkeypatch.setattr(bench_crossing, "clips_folder", lambda: tmp_path)
    return Stage(tmp_path, monkeypatch)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Where they are not."""
    monkeypatch.setattr(bench_crossing, "clips_folder", lambda: None)
    return Stage(tmp_path, monkeypatch)


def outcome(enrolled: str, verdict: Verdict) -> Outcome:
    return Outcome(Scene("d3", "d10", STOPS, enrolled), "", verdict)


def missed(*outcomes: Outcome) -> list[str]:
    return [bar.what for bar in bench_crossing._bars(outcomes) if not bar.met]


def test_everybody_is_walked_past_in_every_way_enrolled_or_not(stage: Stage) -> None:
    scenes = stage.scenes(quick=False)
    assert len(set(scenes)) == len(scenes)
    assert all(scene.wearer != scene.other for scene in scenes)
    for who in (NOBODY, WEARER):
        played = {(scene.wearer, scene.way) for scene in scenes if scene.enrolled == who}
        assert played == {(name, way) for name in CLIPS for way in WAYS}
    assert {scene.way for scene in scenes if scene.enrolled == BOTH} == set(WAYS)


def test_without_clips_the_drawn_ones_do_the_same(drawn: Stage) -> None:
    played = {(scene.enrolled, scene.way) for scene in drawn.scenes(quick=False)}
    assert played == {(who, way) for who in (NOBODY, WEARER, BOTH) for way in WAYS}


def test_a_quick_look_still_has_a_stop_with_each_enrolled(stage: Stage, drawn: Stage) -> None:
    for each in (stage, drawn):
        scenes = each.scenes(quick=True)
        assert [scene.way for scene in scenes] == [STOPS] * 3
        assert [scene.enrolled for scene in scenes] == [NOBODY, WEARER, BOTH]


def test_every_fault_misses_its_bar() -> None:
    hidden = list(range(40))
    sound = outcome(WEARER, Verdict(hidden=hidden)), outcome(BOTH, Verdict(hidden=hidden, other_worn=[1]))
    assert missed(*sound) == []
    assert missed(*sound, outcome(NOBODY, Verdict(hidden=hidden, wrong=[3]))) == [
        "frames with the persona on the wrong person"
    ]
    assert missed(*sound, outcome(BOTH, Verdict(hidden=hidden, wrong=[3]))) == [
        "two enrolled: frames with a persona on the other of them"
    ]
    assert missed(*sound, outcome(BOTH, Verdict(hidden=hidden, bare=[3]))) == ["frames with the wearer bare"]


def test_scenes_in_which_nothing_could_go_wrong_miss_it_too() -> None:
    unseen = outcome(WEARER, Verdict(hidden=[1])), outcome(BOTH, Verdict(hidden=list(range(40))))
    assert missed(*unseen) == [
        "wearer wholly hidden in a scene with a stop, frames, fewest",
        "two enrolled: frames with the second in their own persona",
    ]
