import pytest

from tests.patience import OUTPUTS, wait_longer


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_longer(monkeypatch, OUTPUTS)
