"""With the pack and without it: the figures of both, how the vector turns, and a verdict that follows from them."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from livecam.bench.quality.ablation import Ablation, Side, ablation_of
from livecam.bench.quality.clip import Lab, Result
from livecam.bench.quality.figures import Identity
from livecam.bench.quality.page import page
from livecam.bench.quality.report import Report, Setup
from livecam.bench.quality.smoothers import NO_PACK, NONE, OURS, Mode
from livecam.core.frame import Points, Size
from livecam.vision.angles import angled_sources
from tests.bench.quality.meshes import mesh_at
from tests.bench.quality.scripted import SIZE, BrightnessJudge, ScriptedTake, plays, tools
from tests.vision.test_angles import unit_rows

FRAMES = 40
SOURCES = angled_sources(unit_rows(1, 0.1))
FOUND = Identity(20, 0.9, 0.40, 0.80, 95.0, 100.0, 90.0)


class Studio:
    """A pipeline whose output is another one without the pack, over a head that turns."""

    def __init__(self, drawn: Sequence[Points]) -> None:
        self._drawn = drawn

    def take(self, mode: Mode, size: Size) -> ScriptedTake:
        brighter = 20 if mode.pack else 30
        return ScriptedTake([brighter] * FRAMES, drawn=self._drawn)


def measured(turn: float = 1.5, judge: BrightnessJudge | None = None) -> Result:
    drawn = [mesh_at(80, 80, 80, turn * number) for number in range(FRAMES)]
    lab = Lab(Studio(drawn), tools(judge, 75.0), (NONE, OURS, NO_PACK), "" if judge else "no recogniser")
    return lab.clip("me.mp4", plays([50] * FRAMES), SIZE)


def test_both_are_measured_and_the_vector_followed() -> None:
    result = measured(judge=BrightnessJudge())
    assert list(result.figures) == ["none", "ours", "no-pack"]
    found = ablation_of(result, SOURCES)
    assert found is not None
    assert found.with_pack.identity is not None
    assert found.without.identity is not None
    assert found.with_pack.identity.to_persona == pytest.approx(5, abs=1)
    assert found.without.identity.to_persona == pytest.approx(5, abs=1)
    assert found.bins == 4
    assert 0 < found.turn_mean < found.turn_most < 5
    assert "through 4 bins" in found.sentence


def test_a_head_that_does_not_turn_keeps_its_vector() -> None:
    found = ablation_of(measured(0.0), SOURCES)
    assert found is not None
    assert (found.turn_mean, found.turn_most, found.bins) == (0, 0, 1)
    assert "cannot be said" in found.sentence
    assert "1 bin of" in found.sentence


def test_without_both_modes_there_is_nothing_to_compare() -> None:
    lab = Lab(Studio([mesh_at(80, 80, 80)] * FRAMES), tools(), (NONE, OURS), "no recogniser")
    assert ablation_of(lab.clip("me.mp4", plays([50] * FRAMES), SIZE), SOURCES) is None
    assert ablation_of(replace(measured(), posed=True), SOURCES) is None


@pytest.mark.parametrize(
    ("to_persona", "jitter", "verdict"),
    [
        (0.35, 0.20, "the pack helps here"),
        (0.45, 0.20, "the pack harms here: leave it off"),
        (0.402, 0.20, "the pack makes no difference worth having"),
        (0.35, 0.25, "the pack makes the face tremble more: leave it off"),
    ],
)
def test_the_verdict(to_persona: float, jitter: float, verdict: str) -> None:
    one, other = Side(replace(FOUND, to_persona=to_persona), jitter), Side(FOUND, 0.20)
    told = Ablation("me.mp4", one, other, 0.1, 1.0, 3).sentence
    assert told.startswith(f"me.mp4: {verdict}. {to_persona:.3f} from the persona with the pack, 0.400 without;")
    assert f"tremble by {jitter:.2f} px, and by 0.20 px" in told


def test_the_report_tells_it() -> None:
    result = measured(judge=BrightnessJudge())
    found = ablation_of(result, SOURCES)
    assert found is not None
    setup = Setup("ann", "fast", "brightness", "", 15.0, 0.5, {})
    report = Report(setup, (result,), (), (found,))
    told = json.loads(json.dumps(report.to_json(), allow_nan=False))["pack"]
    assert told["why_not"] == ""
    assert told["clips"][0]["told"] == found.sentence
    assert told["clips"][0]["vector_turn_degrees"]["most"] == pytest.approx(found.turn_most, rel=1e-3)
    assert "The vector turns by" in page(report)
    nothing = Report(setup, (result,), (), (), "There is nothing to compare.")
    assert nothing.about_pack == ("There is nothing to compare.",)
