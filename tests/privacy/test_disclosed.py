"""Every swapped picture carries the mark and the label, and no other does."""

import logging

import numpy as np
import pytest

from livecam.core.cleared import How, Withheld
from livecam.core.frame import NS_PER_S, Frame, Picture, Size
from livecam.core.ladder import Tier
from livecam.core.settings import Mode, Settings
from livecam.privacy.disclosed import Disclosed
from livecam.privacy.label import Label
from livecam.privacy.watermark import Watermark
from tests.fakes import ScriptedProcessor

SIZE = Size(320, 180)
LABEL = Label(SIZE, "AI")


def under_label() -> tuple[slice, slice]:
    left, top, width, height = LABEL.box
    return np.s_[top : top + height, left : left + width]


def processed(
    outcome: How | Withheld, settings: Settings | None = None, *, marks: bool = True
) -> tuple[How | Withheld, Picture, Disclosed]:
    mark = Watermark(b"key", 7, SIZE) if marks else None
    disclosed = Disclosed(ScriptedProcessor(lambda _: outcome), mark, LABEL)
    out = np.full(SIZE.picture_shape, 90, dtype=np.uint8)
    frame = Frame(np.full(SIZE.image_shape, 90, dtype=np.uint8), 1, NS_PER_S)
    return disclosed.process(frame, out, settings or Settings()), out, disclosed


def test_a_swapped_picture_carries_both_and_their_time_is_told() -> None:
    outcome, out, disclosed = processed(How.SWAPPED)
    assert outcome is How.SWAPPED
    assert np.ptp(out[under_label()]) > 100
    assert 0 < np.abs(out[90:180, :160].astype(int) - 90).max() <= 2
    assert set(disclosed.stages()) == {"swap", "mark", "label"}
    assert min(disclosed.stages().values()) > 0


def test_without_the_label_there_is_the_mark_alone() -> None:
    _, out, disclosed = processed(How.SWAPPED, Settings(label=False))
    assert 0 < np.abs(out.astype(int) - 90).max() <= 2
    assert set(disclosed.stages()) == {"swap", "mark"}


def test_where_a_policy_forbids_the_mark_there_is_the_label_alone() -> None:
    _, out, disclosed = processed(How.SWAPPED, marks=False)
    assert np.ptp(out[under_label()]) > 100
    assert (out[90:180, :160] == 90).all()
    assert set(disclosed.stages()) == {"swap", "label"}


@pytest.mark.parametrize(
    ("outcome", "settings"),
    [(How.SWAPPED, Settings(mode=Mode.PASSTHROUGH)), (How.PASSED, Settings()), (Withheld.NO_FACE, Settings())],
    ids=["passthrough", "passed", "withheld"],
)
def test_no_other_picture_carries_anything(outcome: How | Withheld, settings: Settings) -> None:
    _, out, disclosed = processed(outcome, settings)
    assert (out == 90).all()
    assert set(disclosed.stages()) == {"swap"}


def test_another_label_is_shown_from_the_next_picture_on() -> None:
    _, first, disclosed = processed(How.SWAPPED, Settings(), marks=False)
    disclosed.relabel(Label(SIZE, "KI-VERÄNDERT"))
    second, frame = np.full(SIZE.picture_shape, 90, np.uint8), Frame(np.full(SIZE.image_shape, 90, np.uint8), 2, 2)
    disclosed.process(frame, second, Settings())
    assert (second != 90).sum() > 1.5 * (first != 90).sum()


def test_switching_it_off_is_a_warning_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, out, disclosed = processed(How.SWAPPED)
    frame = Frame(np.zeros(SIZE.image_shape, dtype=np.uint8), 2, 2)
    for shown_now in (False, False, True, True):
        disclosed.process(frame, out, Settings(label=shown_now))
    told = [record.levelname for record in caplog.records if "label" in record.message]
    assert told == ["WARNING", "INFO"]


def test_what_else_a_processor_is_asked_reaches_the_one_inside() -> None:
    inner = ScriptedProcessor()
    outer = Disclosed(inner, None, LABEL)
    outer.reset()
    outer.adapt(Tier("whole"))
    assert (inner.resets, inner.tiers) == (1, [Tier("whole")])
