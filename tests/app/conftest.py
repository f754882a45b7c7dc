import pytest

from livecam.app.presets import Presets
from tests.patience import OUTPUTS, RUN, UNHURRIED_S, wait_longer

BOUNDS = (
    "livecam.app.beside._SCENES_STOP_S",
    "livecam.app.output_process._ANSWER_S",
    "livecam.app.output_process._END_S",
    "livecam.app.output_process_start._START_S",
    "livecam.app.patience.OPEN_S",
    "livecam.app.patience.SEND_S",
    "livecam.app.patience._READ_S",
    "livecam.app.recording._SIGNED_S",
    "livecam.app.snapshot.WAIT_S",
    "livecam.app.snapshot._SIGNED_S",
    "livecam.control.lines._BEGIN_S",
    "livecam.control.lines._HERE_S",
    "livecam.runtime.stuck._FRAME_S",
)
"""Of a run."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, (*OUTPUTS, *RUN, *BOUNDS))
    monkeypatch.setattr(Presets.change, "__defaults__", (UNHURRIED_S,))
