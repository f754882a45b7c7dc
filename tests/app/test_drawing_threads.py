"""OpenCV leaves processors to the live path's own threads."""

from collections.abc import Iterator

import cv2
import pytest

from livecam.app import drawing_threads
from livecam.app.drawing_threads import CHOSEN, leave_processors, threads_beside


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def test_one_at_least_and_those_that_are_left() -> None:
    assert [threads_beside(count) for count in (1, 2, 4, 5, 16)] == [1, 1, 1, 2, 13]


def test_opencv_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOSEN, raising=False)
    monkeypatch.setattr(drawing_threads, "_processors", lambda: 5)
    leave_processors()
    assert cv2.getNumThreads() == 2


def test_a_user_who_has_chosen_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.setNumThreads(3)
    monkeypatch.setenv(CHOSEN, "3")
    leave_processors()
    assert cv2.getNumThreads() == 3
