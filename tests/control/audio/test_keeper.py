"""A microphone that is kept through everything, by one livecam alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.app.beside import sound_of
from livecam.config import AudioConfig, Config
from livecam.control import place
from livecam.control.audio import keeper as keeper_module
from livecam.control.audio.keeper import Keeper, alone
from livecam.control.audio.microphone import DelayedMicrophone
from livecam.control.audio.pulse import SoundError
from tests.control.audio.fake_pactl import FakePactl

FOUR = ["module-rt", "module-null-sink", "module-remap-source", "module-loopback"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keeper_module, "folder", lambda: tmp_path / "livecam")
    monkeypatch.setattr(place, "folder", lambda: tmp_path / "livecam")
    monkeypatch.setattr(keeper_module, "LOOK_S", 0.01)
    return tmp_path / "livecam"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def kept(look: Callable[[], float | None], told: list[str], extra_ms: float = 0.0) -> Iterator[None]:
    stop = threading.Event()
    keeper = Keeper(DelayedMicrophone("", stop), look, extra_ms, told.append)
    thread = threading.Thread(target=keeper.keep, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_it_follows_the_picture_with_what_is_added(server: FakePactl) -> None:
    measured, told = [None, 120.0, 20.0], list[str]()
    place_of = [0]
    with kept(lambda: measured[place_of[0]], told, extra_ms=30.0):
        until(lambda: server.latencies() == ["80"])
        place_of[0] = 1
        until(lambda: server.latencies() == ["80", "150"])
        place_of[0] = 2
        until(lambda: server.latencies() == ["80", "150", "50"])
        until(lambda: len(told) == 3)
    assert server.kinds() == ["module-rt"]
    assert told[0] == "Choose the microphone 'livecam microphone': usb, 80 ms late."
    assert told[1:] == [f"The microphone is {ms} ms late now, as the picture is." for ms in (150, 50)]


def test_it_is_made_again_when_the_server_was(server: FakePactl, caplog: pytest.LogCaptureFixture) -> None:
    with kept(lambda: None, []):
        until(lambda: server.kinds() == FOUR)
        server.set(broken="Connection failure: Connection refused")
        until(lambda: "No sound server answers" in caplog.text)
        server.set(broken="", modules=[])
        until(lambda: server.kinds() == FOUR[1:])
    assert len([record for record in caplog.records if "No sound server" in record.message]) == 1
    assert server.kinds() == []


def test_a_server_that_is_gone_at_the_end_is_no_trouble(server: FakePactl) -> None:
    with kept(lambda: None, []):
        until(lambda: server.kinds() == FOUR)
        server.set(broken="Connection failure: Connection refused")


def test_two_do_not_take_it_from_each_other() -> None:
    with alone(), pytest.raises(SoundError, match="Another livecam"), alone():
        pass
    with alone():
        pass


def test_in_a_run_it_is_a_part_that_tells_its_troubles_in_the_log(
    server: FakePactl, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(Config(), audio=AudioConfig(delay=True, extra_ms=10.0))
    part = sound_of(config, lambda: {"age_p50_ms": 140.0, "fps": 50.0})
    part.start()
    until(lambda: server.latencies() == ["60", "160"])
    part.stop()
    part.stop()
    assert server.kinds() == ["module-rt"]
    with alone():
        second = sound_of(replace(Config(), audio=AudioConfig(delay=True)), dict)
        second.start()
        until(lambda: "There is no delayed microphone. Another livecam" in caplog.text)
        second.stop()


def test_a_part_that_never_started_can_be_stopped() -> None:
    sound_of(Config(), dict).stop()
