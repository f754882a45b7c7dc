"""Recordings are kept as long as a policy says: those that livecam made itself, and no other file."""

import os
import time
from pathlib import Path

import pytest

from livecam.app.retention import Retention
from livecam.privacy.audit import Fact

DAY_S = 86_400.0
OURS = (
    "call-2026-01-01_10-00-00.mp4",
    "call-2026-01-01_10-00-00-2.mp4",
    "livecam-2026-01-01_10-00-00.mp4",
    "snapshot-2026-01-01_10-00-00.png",
)
NOT_OURS = (
    "call-holiday.mp4",
    "call-2026-01-01_10-00-00.mp4.bak",
    "holiday.mp4",
    "snapshot-2026-01-01_10-00-00.png.txt",
    "xcall-2026-01-01_10-00-00.mp4",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder


def aged(path: Path, days: float) -> Path:
    if not path.exists():
        path.write_bytes(b"x")
    then = time.time() - days * DAY_S
    os.utime(path, (then, then), follow_symlinks=False)
    return path


class Notes:
    def __init__(self) -> None:
        self.files: list[Fact] = []

    def __call__(self, event: str, **facts: Fact) -> None:
        assert event == "deleted"
        self.files.append(facts["file"])


def test_what_is_too_old_and_ours_is_deleted_and_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in (*OURS, *NOT_OURS):
        aged(folder / name, 40)
    young = aged(folder / "call-2026-11-20_10-00-00.mp4", 20)
    notes = Notes()
    assert Retention(lambda: 30.0, lambda: folder, notes).clear() == len(OURS)
    assert {path.name for path in folder.iterdir()} == {*NOT_OURS, young.name}
    assert notes.files == sorted(OURS)
    assert caplog.text.count("was deleted: your organisation's policy keeps recordings for 30 days") == len(OURS)


def test_links_and_folders_of_such_names_stay(folder: Path, tmp_path: Path) -> None:
    elsewhere = aged(tmp_path / "precious.mp4", 400)
    (folder / OURS[0]).symlink_to(elsewhere)
    (folder / OURS[2]).mkdir()
    for name in (OURS[0], OURS[2]):
        aged(folder / name, 400)
    assert Retention(lambda: 1.0, lambda: folder, Notes()).clear() == 0
    assert elsewhere.exists()
    assert len(list(folder.iterdir())) == 2


def test_without_a_limit_or_a_folder_nothing_is_done(folder: Path) -> None:
    old = aged(folder / OURS[0], 4000)
    forever = Retention(lambda: None, lambda: folder, Notes())
    forever.start()
    assert forever.clear() == 0
    assert Retention(lambda: 1.0, lambda: folder / "none", Notes()).clear() == 0
    assert old.exists()


def test_it_is_done_when_a_run_begins(folder: Path) -> None:
    old = aged(folder / OURS[0], 40)
    retention = Retention(lambda: 30.0, lambda: folder, Notes())
    retention.start()
    retention.start()
    deadline = time.monotonic() + 60
    while old.exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    retention.stop()


def test_a_folder_that_refuses_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aged(folder / OURS[0], 40)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert Retention(lambda: 30.0, lambda: folder, Notes()).clear() == 0
    assert "could not all be deleted: Permission denied" in caplog.text
