import pytest

from tests.patience import wait_longer

BOUNDS = (
    "livecam.capture.session._CLOSE_S",
    "livecam.capture.stream._JOIN_S",
)
"""Of a camera's or stream's thread, which ends by itself: until then it is not opened a second time."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, BOUNDS)
