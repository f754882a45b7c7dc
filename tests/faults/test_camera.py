"""Faults of the camera: the real driver of livecam, on a device that fails."""

import pytest

from tests.faults.book import Book
from tests.faults.enduring import Fault, endure
from tests.faults.rig import Run

pytestmark = pytest.mark.faults

FAULTS = {
    "unplugged": Fault("camera unplugged", r"stopped sending pictures; was it unplugged", 2.0),
    "busy": Fault("camera busy", r"is in use by another-program", 2.0),
    "silent": Fault("camera silent", r"stopped sending pictures|sent no picture for 1 s", 3.5, lasts_s=2.5),
    "frozen": Fault("camera frozen", r"one and the same picture again and again", 1.0, slate=False, lasts_s=3.5),
    "resized": Fault("camera changes its size", r"changed from 640x360 to 320x240", 2.0, lasts_s=2.0),
    "black": Fault("camera black", r"The camera's picture is black", 1.5, lasts_s=2.5),
    "slow": Fault("camera at 5 fps", r"The camera sends \d\.\d pictures a second; 15 were", 1.0, False, lasts_s=4.5),
    "backwards": Fault("timestamps going backwards", r"its stamps run backwards", 1.0, slate=False),
}


@pytest.mark.parametrize("word", FAULTS)
def test_the_camera_fails_and_comes_back(standing: Run, book: Book, word: str) -> None:
    endure(standing, book, FAULTS[word], lambda: standing.put("camera", word), lambda: standing.put("camera"))


def test_the_camera_is_plugged_in_again_at_another_index(standing: Run, book: Book) -> None:
    fault = Fault("camera replugged at another index", r"No camera is called 'Fault Cam'", 2.0)

    def back() -> None:
        standing.put("index", "2" if standing.seen[-1].sent_ns % 2 else "3")
        standing.put("camera")

    endure(standing, book, fault, lambda: standing.put("camera", "unplugged"), back)
