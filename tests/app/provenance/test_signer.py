"""Files are signed beside the run, one after the other; what is not signed stays as it is, and is told."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.app.provenance import signer as module
from livecam.app.provenance.made import Made
from livecam.app.provenance.signer import Signer, waited
from livecam.errors import ExtraMissing, LivecamError

SOON_S = 60.0


class Pen:
    """Notes what it signs, when it may."""

    def __init__(self, error: LivecamError | None = None) -> None:
        self.error = error
        self.signed: list[tuple[Path, Made]] = []
        self.may = threading.Event()
        self.may.set()
        self.begun = threading.Event()

    def __call__(self, path: Path, made: Made, stopped: Callable[[], bool]) -> None:
        self.begun.set()
        while not self.may.wait(0.005):
            if stopped():
                raise LivecamError(f"{path} could not be signed and stays as it was: the run ended first.")
        if self.error is not None:
            raise self.error
        self.signed.append((path, made))


def test_files_are_signed_in_order_with_the_session_and_the_report_says_so() -> None:
    pen = Pen()
    signer = Signer(7, pen)
    first = signer.submit(Path("a.mp4"), "recording", swapped=True)
    signer.finished(Path("b.mp4"), True)
    assert waited(first, SOON_S) == "signed"
    signer.close()
    assert pen.signed == [(Path("a.mp4"), Made(7, "recording")), (Path("b.mp4"), Made(7, "recording"))]
    assert signer.told() == (
        {"path": "a.mp4", "provenance": "signed"},
        {"path": "b.mp4", "provenance": "signed"},
    )


def test_the_sender_does_not_wait() -> None:
    pen = Pen()
    pen.may.clear()
    signer = Signer(7, pen)
    seal = signer.submit(Path("a.mp4"), "recording", swapped=True)
    assert waited(seal, 0.01) == "and it is being signed"
    pen.may.set()
    assert waited(seal, SOON_S) == "signed"
    signer.close()


def test_what_shows_nobody_else_is_not_said_to_be_made_by_ai() -> None:
    pen = Pen()
    signer = Signer(7, pen)
    seal = signer.submit(Path("a.png"), "snapshot", swapped=False)
    assert waited(seal, 0) == "not signed: no picture in it was swapped"
    signer.close()
    assert pen.signed == []


def test_where_the_configuration_says_not_to_nothing_is_signed() -> None:
    signer = Signer(7, None)
    assert waited(signer.submit(Path("a.png"), "snapshot", swapped=True), 0) == "not signed: provenance.sign is off"
    signer.close()


def test_a_missing_package_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    signer = Signer(7, Pen(ExtraMissing("Manifests need the package c2pa-python.", "Install it with: pip install X")))
    seals = [signer.submit(Path(name), "recording", swapped=True) for name in ("a.mp4", "b.mp4")]
    assert [waited(seal, SOON_S) for seal in seals] == ["not signed: c2pa-python is not installed"] * 2
    assert [record.getMessage() for record in caplog.records if "Install it" in record.getMessage()] == [
        "Files are not signed. Manifests need the package c2pa-python. Install it with: pip install X"
    ]


def test_a_failure_is_told_and_the_next_file_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    pen = Pen(LivecamError("a.mp4 could not be signed and stays as it was: the disk is full.", "Check the disk."))
    signer = Signer(7, pen)
    seal = signer.submit(Path("a.mp4"), "recording", swapped=True)
    assert waited(seal, SOON_S).startswith("not signed: a.mp4 could not be signed")
    assert "Check the disk." in caplog.text
    pen.error = None
    assert waited(signer.submit(Path("b.mp4"), "recording", swapped=True), SOON_S) == "signed"
    signer.close()


def test_the_end_of_the_run_waits_only_so_long_and_says_what_was_not_signed(caplog: pytest.LogCaptureFixture) -> None:
    pen = Pen()
    pen.may.clear()
    signer = Signer(7, pen)
    seals = [signer.submit(Path(name), "recording", swapped=True) for name in ("a.mp4", "b.mp4")]
    assert pen.begun.wait(SOON_S)
    signer.close(0.05)
    assert [waited(seal, SOON_S).rpartition(": ")[2] for seal in seals] == ["the run ended first"] * 2
    assert "b.mp4 is not signed: the run ended first." in caplog.text
    late = signer.submit(Path("c.mp4"), "recording", swapped=True)
    assert waited(late, 0) == "not signed: the run had ended"
    assert pen.signed == []


def test_no_more_files_wait_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr(module, "MOST", 1)
    pen = Pen()
    pen.may.clear()
    signer = Signer(7, pen)
    signer.submit(Path("a.mp4"), "recording", swapped=True)
    assert pen.begun.wait(SOON_S)
    signer.submit(Path("b.mp4"), "recording", swapped=True)
    assert "wait already" in waited(signer.submit(Path("c.mp4"), "recording", swapped=True), 0)
    pen.may.set()
    signer.close()
    assert len(pen.signed) == 2
