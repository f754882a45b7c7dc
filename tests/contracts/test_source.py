"""What `livecam.core.seams.Source` promises, held against every driver of the registry."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam.app import SOURCES
from livecam.app.registry import make_source
from livecam.capture import camera
from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Image, Size
from livecam.core.seams import Source
from livecam.core.spec import SourceWish, parse_spec
from livecam.errors import SourceError
from tests.capture.clips import write_clip
from tests.capture.fakecamera import WEBCAM, Device, grey
from tests.capture.test_stream import forever, mjpeg, serving

SIZE = Size(128, 96)
WISH = SourceWish(SIZE, 30.0, timeout_s=10.0)
POISON = 213
Setting = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[str]]


@contextmanager
def _camera(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    device = Device(picture=lambda number: grey(SIZE, number % 200))
    monkeypatch.setattr(cv2, "VideoCapture", device.capture)
    monkeypatch.setattr(camera, "list_cameras", lambda: (WEBCAM,))
    yield "camera:0"


@contextmanager
def _mjpg_camera(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    def picture(number: int) -> Image:
        return cv2.imencode(".jpg", grey(SIZE, number % 200))[1].reshape(1, -1)

    monkeypatch.setattr(cv2, "VideoCapture", Device(picture=picture, fourcc="MJPG").capture)
    monkeypatch.setattr(camera, "list_cameras", lambda: (WEBCAM,))
    yield "camera"


@contextmanager
def _file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield f"file:{write_clip(folder / 'clip.mp4', 8)}"


@contextmanager
def _unpaced_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield f"file:{write_clip(folder / 'clip.mp4', 8)}?pace=0"


@contextmanager
def _picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    cv2.imwrite(str(folder / "picture.png"), grey(SIZE))
    yield f"file:{folder / 'picture.png'}"


@contextmanager
def _stream(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serving(mjpeg(forever())) as port:
        yield f"stream:http://127.0.0.1:{port}/"


@contextmanager
def _synthetic(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    yield "synthetic"


@dataclass(frozen=True)
class Case:
    """A driver and what it needs around it."""

    name: str
    setting: Setting


CASES = (
    Case("camera", _camera),
    Case("camera, MJPG", _mjpg_camera),
    Case("file", _file),
    Case("file, unpaced", _unpaced_file),
    Case("file, picture", _picture),
    Case("stream", _stream),
    Case("synthetic", _synthetic),
)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    case: Case = request.param
    with case.setting(tmp_path, monkeypatch) as text:
        made = make_source(parse_spec(text), WISH, MonotonicClock())
        yield made
        made.close()


def poisoned(size: Size) -> Image:
    return np.full(size.image_shape, POISON, np.uint8)


def test_every_driver_is_held_to_the_contract() -> None:
    assert {case.name.partition(",")[0] for case in CASES} == set(SOURCES)


def test_opening_says_what_will_be_delivered(source: Source) -> None:
    info = source.open()
    assert info.name
    assert all(side > 0 and side % 2 == 0 for side in info.size)
    assert info.fps >= 0


def test_every_byte_is_written(source: Source) -> None:
    """Two reads of a moving picture into poison: what keeps the poison twice was not written."""
    info = source.open()
    images = [poisoned(info.size) for _ in range(3)]
    for image in images:
        source.read_into(image)
    untouched = np.logical_and.reduce([image == POISON for image in images])
    assert untouched.mean() < 0.001


def test_stamps_rise_and_are_of_now(source: Source) -> None:
    info = source.open()
    image = poisoned(info.size)
    last_ns, took_ns, ages_ns = 0, list[int](), list[int]()
    for _ in range(7):
        before_ns = time.monotonic_ns()
        captured_ns = source.read_into(image)
        after_ns = time.monotonic_ns()
        assert last_ns <= captured_ns <= after_ns
        last_ns = captured_ns
        took_ns.append(after_ns - before_ns)
        ages_ns.append(after_ns - captured_ns)
    # Most of them, since others use the machine.
    assert sorted(took_ns)[3] < NS_PER_S * 3 // 2
    assert sorted(ages_ns)[3] < NS_PER_S


def test_a_closed_source_is_not_read_and_opens_again(source: Source) -> None:
    source.close()
    info = source.open()
    source.read_into(poisoned(info.size))
    source.close()
    source.close()
    with pytest.raises(SourceError):
        source.read_into(poisoned(info.size))
    again = source.open()
    assert again.size == info.size
    source.read_into(poisoned(again.size))


def test_opening_an_open_source_starts_it_anew(source: Source) -> None:
    source.open()
    info = source.open()
    source.read_into(poisoned(info.size))


@pytest.mark.parametrize("change", ["taller", "flat", "float", "strided", "locked"])
def test_an_array_that_cannot_be_filled_in_place_is_a_mistake_of_the_caller(source: Source, change: str) -> None:
    width, height = source.open().size
    choices: dict[str, Image] = {
        "taller": np.zeros((height + 2, width, 3), np.uint8),
        "flat": np.zeros((height, width), np.uint8),
        "float": np.zeros((height, width, 3), np.float32),
        "strided": np.zeros((height, width * 2, 3), np.uint8)[:, ::2],
        "locked": np.zeros((height, width, 3), np.uint8),
    }
    wrong = choices[change]
    wrong.setflags(write=change != "locked")
    with pytest.raises(ValueError, match="fills"):
        source.read_into(wrong)
