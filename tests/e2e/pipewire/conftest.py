"""The sessions the tests run in; a test skips with the reason where there can be none."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pipewire.session import Session, lacking


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short path: a socket's may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="pw-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def session(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """PipeWire and its manager; this process is inside."""
    yield from _session(scratch, monkeypatch, browser=False)


@pytest.fixture
def desktop(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The same with a screen and the camera portal."""
    yield from _session(scratch, monkeypatch, browser=True)


def _session(folder: Path, monkeypatch: pytest.MonkeyPatch, browser: bool) -> Iterator[Session]:
    reason = lacking(browser)
    if reason:
        pytest.skip(reason)
    with Session(folder, browser) as session:
        for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, session.environment[name])
        for name in ("PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR"):
            monkeypatch.delenv(name, raising=False)
        yield session
