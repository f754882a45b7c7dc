import pytest

from tests.patience import OUTPUTS, RUN, wait_longer

BOUNDS = (
    "livecam.app.beside._SCENES_STOP_S",
    "livecam.app.output_process._ANSWER_S",
    "livecam.app.output_process._END_S",
    "livecam.app.recording._SIGNED_S",
    "livecam.app.snapshot.WAIT_S",
    "livecam.app.snapshot._SIGNED_S",
)
"""Of a run."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, (*OUTPUTS, *RUN, *BOUNDS))
