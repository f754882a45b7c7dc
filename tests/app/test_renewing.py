"""Networks that are loaded anew."""

import numpy as np
import pytest

from livecam.app.renewing import IN_A_ROW, RenewingProcessor
from livecam.core.cleared import How, Withheld
from livecam.core.frame import Frame
from livecam.core.ladder import FULL, Tier
from livecam.core.settings import Settings
from livecam.errors import DeviceError, EngineError
from tests.fakes import SIZE, ScriptedProcessor

FRAME = Frame(np.zeros(SIZE.image_shape, np.uint8), 1, 1)
OUT = np.zeros(SIZE.picture_shape, np.uint8)


class Made:
    """Processors that fail as they are told to, and a count of them."""

    def __init__(self) -> None:
        self.error: EngineError | None = None
        self.made: list[ScriptedProcessor] = []

    def __call__(self) -> ScriptedProcessor:
        self.made.append(ScriptedProcessor(self._outcome))
        return self.made[-1]

    def _outcome(self, frame: Frame) -> How | Withheld:
        if self.error is not None:
            raise self.error
        return How.SWAPPED


@pytest.fixture
def made() -> Made:
    return Made()


def fails(processor: RenewingProcessor, times: int) -> None:
    for _ in range(times):
        with pytest.raises(EngineError):
            processor.process(FRAME, OUT, Settings())


def test_after_a_fault_of_the_card_they_are_loaded_anew_at_once(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    processor = RenewingProcessor(made)
    processor.adapt(Tier(FULL))
    made.error = DeviceError("CUDA failure 700.")
    fails(processor, 3)
    assert len(made.made) == 3
    assert len(caplog.records) == 1, "said once"
    made.error = None
    assert processor.process(FRAME, OUT, Settings()) is How.SWAPPED
    assert made.made[-1].tiers == [Tier(FULL)], "it spends no more than the one before"
    assert processor.stages() == made.made[-1].stages()


def test_other_failures_have_to_come_in_a_row(made: Made) -> None:
    processor = RenewingProcessor(made)
    made.error = EngineError("It failed.")
    fails(processor, IN_A_ROW - 1)
    made.error = None
    processor.process(FRAME, OUT, Settings())
    made.error = EngineError("It failed.")
    fails(processor, IN_A_ROW)
    assert len(made.made) == 1
    processor.adapt(Tier(FULL))
    assert processor.stages() == {}
    processor.reset()
    assert len(made.made) == 2, "loading is no frame that takes long"
    assert made.made[-1].resets == 0
    fails(processor, 1)
    assert len(made.made) == 2


def test_what_may_still_do_is_reset_and_not_loaded_anew(made: Made) -> None:
    processor = RenewingProcessor(made)
    processor.reset()
    assert made.made[0].resets == 1
