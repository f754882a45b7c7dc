"""What is noted of every frame."""

import numpy as np
import pytest

from livecam.bench.quality.measure import Examiner, Scene, wearer_points
from livecam.bench.quality.trace import SWAPPED
from livecam.core.face import Face, Landmarks, Topology, box_of
from tests.bench.quality.meshes import mesh_at
from tests.bench.quality.scripted import FPS, BrightnessJudge, CountingFinder, ScriptedTake, examiner, plays, tools


def test_input_and_output_are_measured_side_by_side() -> None:
    trace = examiner().run(plays([50, 52, 50, 54]), ScriptedTake([20, 22, 20, 20]))
    assert trace.swapped.all()
    assert trace.size == (160, 160)
    assert trace.fps == pytest.approx(FPS)
    assert np.isnan(trace.warp_before[0])
    assert np.isnan(trace.warp_after[0])
    assert trace.warp_before[1:] == pytest.approx([2, 2, 4], abs=0.8)
    assert trace.warp_after[1:] == pytest.approx([4, 4, 4], abs=0.8)
    assert trace.colour_after[:, 0] - trace.colour_before[:, 0] == pytest.approx([20, 22, 20, 20], abs=1.5)
    assert trace.step_ms.tolist() == [4.0] * 4
    assert np.isnan(trace.to_persona).all()


def test_frames_that_did_not_go_out_are_left_open_and_break_the_chain() -> None:
    fates = [SWAPPED, SWAPPED, "held no-face", "slated no-face", SWAPPED, SWAPPED]
    trace = examiner().run(plays([50] * 6), ScriptedTake([20] * 6, fates))
    assert trace.fates == tuple(fates)
    assert np.flatnonzero(np.isfinite(trace.warp_after)).tolist() == [1, 5]
    assert np.flatnonzero(np.isfinite(trace.drawn).all(axis=(1, 2))).tolist() == [0, 1, 4, 5]
    assert np.flatnonzero(np.isfinite(trace.step_ms)).tolist() == [0, 1, 4, 5]
    assert np.isfinite(trace.flow).tolist() == [False, True, False, False, False, True]


def test_the_input_is_measured_once_for_all_modes() -> None:
    finder, judge = CountingFinder(), BrightnessJudge()
    given = tools(judge)
    measuring = Examiner(type(given)(finder, given.warp, judge, given.persona, given.judge_every))
    first = measuring.run(plays([50, 60, 50]), ScriptedTake([20, 20, 20]))
    assert (finder.asked, judge.asked) == (6, 4)
    other = [mesh_at(82, 80, 80)] * 3
    second = measuring.run(plays([50, 60, 50]), ScriptedTake([30, 30, 30], (), other))
    assert (finder.asked, judge.asked) == (9, 6)
    assert np.array_equal(first.before, second.before)
    assert np.array_equal(first.warp_before, second.warp_before, equal_nan=True)
    assert not np.array_equal(first.drawn, second.drawn)


def test_a_mode_that_bridged_a_gap_fills_in_what_the_first_could_not_measure() -> None:
    measuring = examiner()
    first = measuring.run(plays([50, 50, 54]), ScriptedTake([20] * 3, [SWAPPED, "held no-face", SWAPPED]))
    assert np.isnan(first.warp_before).all()
    second = measuring.run(plays([50, 50, 54]), ScriptedTake([20] * 3))
    assert second.warp_before[1:] == pytest.approx([0, 4], abs=0.8)


def test_the_judge_is_asked_now_and_then() -> None:
    trace = examiner(BrightnessJudge()).run(plays([50] * 5), ScriptedTake([30] * 5))
    assert np.isfinite(trace.to_persona).tolist() == [True, False, True, False, True]
    assert trace.to_persona[0] == pytest.approx(10, abs=2)
    assert trace.to_wearer[0] == pytest.approx(30, abs=2)
    assert trace.apart[0] == pytest.approx(40, abs=2)


def test_swapped_frames_can_be_looked_at() -> None:
    seen: list[Scene] = []
    told: list[int] = []
    fates = [SWAPPED, "held no-face", SWAPPED]
    examiner().run(plays([50, 60, 70]), ScriptedTake([20] * 3, fates), seen.append, told.append)
    assert [scene.number for scene in seen] == [0, 2]
    assert told == [0, 1, 2]
    assert float(seen[1].after.mean() - seen[1].before.mean()) == pytest.approx(20, abs=2)


def test_a_clip_without_frames_is_said_so() -> None:
    with pytest.raises(LookupError):
        examiner().run(plays([]), ScriptedTake([]))


def test_only_meshes_with_irises_are_taken() -> None:
    points = mesh_at(50, 50)

    def face(rows: int) -> Face:
        landmarks = Landmarks(np.ascontiguousarray(points[:rows, :2]), Topology.MESH468)
        return Face(box_of(points), landmarks, np.ascontiguousarray(points[:rows, 2]), 1.0, 1)

    assert np.array_equal(wearer_points(face(478)), points)  # type: ignore[arg-type]
    assert wearer_points(face(468)) is None
    assert wearer_points(None) is None
