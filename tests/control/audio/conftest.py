"""A sound server that is a file."""

import sys
from pathlib import Path

import pytest

from tests.control.audio.fake_pactl import FakePactl, install


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePactl:
    if sys.platform != "linux":
        pytest.skip("there is no such sound server here")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return install(folder)
