"""The figures of a clip, and what is said where there is none."""

import numpy as np
import pytest

from livecam.bench.quality.figures import Ratio, fates_of, figures_of, motion_in
from livecam.bench.quality.trace import SWAPPED, Trace
from livecam.vision.mesh.topology import TOPOLOGY
from tests.bench.quality.meshes import mesh_at
from tests.bench.quality.scripted import BrightnessJudge, ScriptedTake, examiner, plays

FRAMES = 60


def swaying(behind: float = 0.0) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return [mesh_at(80 + 15 * np.sin((frame - behind) / 4), 80, 60) for frame in range(FRAMES)]


def trace_of(behind: float = 0.0, judge: BrightnessJudge | None = None) -> Trace:
    levels = [50 + frame % 2 for frame in range(FRAMES)]
    brighter = [30 + 2 * (frame % 2) for frame in range(FRAMES)]
    return examiner(judge).run(plays(levels), ScriptedTake(brighter, (), swaying(behind)))


def test_all_figures_of_a_moving_face() -> None:
    plain, late = trace_of(), trace_of(1.0)
    figures = figures_of(late, plain, 0.0, "nobody judges")
    assert figures.lag is not None
    assert figures.lag.ms == pytest.approx(40, abs=1)
    assert figures.warp is not None
    assert figures.warp.ratio == pytest.approx(3, rel=0.2)
    assert figures.warp_moving is not None
    assert figures.colour is not None
    assert figures.colour.ratio == pytest.approx(3, rel=0.2)
    assert figures.step_ms == (4.0, 4.0)
    assert figures.expression is not None
    assert figures.expression.landmarks == 0
    assert figures.unmeasured["identity"] == "nobody judges"
    assert figures.unmeasured["expression.mouth_correlation"] == "the mouth hardly moved"
    assert "lag" not in figures.unmeasured


def test_what_lips_and_lids_change_is_colour_jitter_but_not_while_they_rest() -> None:
    def face(frame: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        mesh = mesh_at(80, 80, 60)
        if frame in (20, 21, 22):
            mesh[TOPOLOGY.lip_pair.lower, 1] += 4
        if frame in (40, 41, 42):
            for pair in TOPOLOGY.lid_pairs:
                mesh[pair.lower] = mesh[pair.upper]
        return mesh

    # Just before and after lips or lids move the output changes by 22 levels or more, else by 2; the input by 4.
    levels = [50 + 4 * (frame % 2) for frame in range(FRAMES)]
    brighter = [40 - 2 * (frame % 2) + 24 * (frame in (*range(19, 24), *range(39, 44))) for frame in range(FRAMES)]
    trace = examiner().run(plays(levels), ScriptedTake(brighter, (), [face(frame) for frame in range(FRAMES)]))
    figures = figures_of(trace, trace, 0.0)
    assert figures.colour is not None
    assert figures.colour_calm is not None
    assert figures.colour_calm.ratio == pytest.approx(0.5, abs=0.02)
    assert figures.colour.ratio > figures.colour_calm.ratio + 0.2
    restless = [face(20 + 20 * (frame % 2)) for frame in range(FRAMES)]
    figures = figures_of(examiner().run(plays(levels), ScriptedTake(brighter, (), restless)), trace, 0.0)
    assert (figures.colour_calm, figures.unmeasured["colour_calm"]) == (None, "lids or lips moved all the time")


def test_the_judge_is_summed_up() -> None:
    trace = trace_of(0, BrightnessJudge())
    found = figures_of(trace, trace, 15.0).identity
    assert found is not None
    assert found.frames == FRAMES // 2
    assert (found.same_person, found.closer, found.wearer_gone) == (100, 100, 100)
    assert found.to_persona == pytest.approx(10, abs=2)
    assert found.to_wearer == pytest.approx(30, abs=2)
    assert found.apart == pytest.approx(40, abs=2)


def test_a_clip_that_stands_still_has_jitter_and_no_lag() -> None:
    random = np.random.default_rng(0)
    shaking = [mesh_at(80, 80, 60) + random.normal(0, 0.5, (478, 3)).astype(np.float32) for _ in range(FRAMES)]
    trace = examiner().run(plays([50] * FRAMES), ScriptedTake([30] * FRAMES, (), shaking))
    posed = figures_of(trace, trace, 0.0, posed=True)
    assert posed.jitter == pytest.approx(0.5 * np.sqrt(12) * 720 / 160, rel=0.05)
    assert posed.lag is None
    assert posed.unmeasured["lag"] == "one frame does not move"
    assert figures_of(trace, trace, 0.0).jitter == pytest.approx(posed.jitter, rel=0.05)


def test_a_clip_without_a_face_says_why_nothing_was_measured() -> None:
    trace = examiner().run(plays([50] * 20), ScriptedTake([0] * 20, ["slated no-face"] * 20))
    assert motion_in(trace) is None
    figures = figures_of(trace, trace, 0.0)
    measured = (figures.jitter, figures.lag, figures.warp, figures.colour, figures.identity, figures.expression)
    assert measured == (None,) * 6
    assert set(figures.unmeasured) >= {"jitter", "lag", "warp", "colour", "identity", "expression", "step_ms"}
    assert figures.fates.slated == 100


def test_fates_are_shares_with_reasons() -> None:
    fates = fates_of((SWAPPED, SWAPPED, "held no-face", "slated no-face"))
    assert (fates.frames, fates.published, fates.held, fates.slated) == (4, 50, 25, 25)
    assert fates.reasons == {"held no-face": 1, "slated no-face": 1}


def test_a_ratio_to_nothing_is_none() -> None:
    assert np.isnan(Ratio(0.0, 1.0).ratio)
    assert Ratio(2.0, 1.0).ratio == 0.5
