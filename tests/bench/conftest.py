import pytest

from tests.patience import OUTPUTS, RUN, wait_longer

BOUNDS = (
    "livecam.app.output_process._ANSWER_S",
    "livecam.app.output_process._END_S",
    "livecam.app.output_process_start._START_S",
    "livecam.bench.reader._END_S",
    "livecam.bench.readers.pipewire._END_S",
    "livecam.bench.readers.pipewire._FIRST_S",
)
"""Of a run that is measured, and of who reads its pictures."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, (*OUTPUTS, *RUN, *BOUNDS))
