import pytest

from tests.patience import RUN, wait_longer

BOUNDS = (
    "livecam.app.beside._SCENES_STOP_S",
    "livecam.app.beside._SOUND_STOP_S",
    "livecam.control.audio.pulse._ANSWER_S",
    "livecam.control.hotkeys._JOIN_S",
    "livecam.control.lines.JOIN_S",
    "livecam.control.lines._BEGIN_S",
    "livecam.control.lines._HERE_S",
    "livecam.control.obs.client._ANSWER_S",
    "livecam.control.pipe.JOIN_S",
    "livecam.control.portal._JOIN_S",
    "livecam.control.portal_bus._REPLY_S",
    "livecam.control.server.JOIN_S",
)
"""Of those who are answered, and of who answers."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, (*BOUNDS, *RUN))
