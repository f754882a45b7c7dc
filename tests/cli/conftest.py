import pytest

from tests.patience import wait_longer

BOUNDS = (
    "livecam.control.audio.pulse._ANSWER_S",
    "livecam.control.lines._BEGIN_S",
    "livecam.control.lines._HERE_S",
    "livecam.control.obs.client._ANSWER_S",
)
"""Of those whom commands ask."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, BOUNDS)
