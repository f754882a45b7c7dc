"""What goes on beside a run begins, ends and is replaced as the configuration says."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from livecam.app import audio, obs
from livecam.app.beside import Beside
from livecam.config import AudioConfig, Config, ObsConfig
from livecam.control.desk import Desk, Json
from tests.control.pretend import PretendPort

OFF = Config()
SCENES = replace(OFF, obs=ObsConfig(connect=True, host="studio"))
BOTH = replace(SCENES, audio=AudioConfig(delay=True, microphone="yeti"))
WAIT_S = 60.0


class Work:
    """What was begun, and what has ended."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun = threading.Semaphore(0)

    def of(self, what: str, stop: threading.Event) -> None:
        self.lines.append(f"{what} begins")
        self.begun.release()
        assert stop.wait(WAIT_S)
        self.lines.append(f"{what} ends")

    def said(self, count: int = 1) -> list[str]:
        """What was said since, once `count` have begun."""
        for _ in range(count):
            assert self.begun.acquire(timeout=WAIT_S)
        lines, self.lines = self.lines, []
        return lines


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()

    def scenes(config: ObsConfig, desk: Desk, stop: threading.Event) -> None:
        made.of(config.host, stop)

    def sound(config: AudioConfig, status: Callable[[], Mapping[str, Json]], stop: threading.Event) -> None:
        made.of(config.microphone, stop)

    monkeypatch.setattr(obs, "follow_scenes", scenes)
    monkeypatch.setattr(audio, "keep_microphone", sound)
    return made


@pytest.fixture
def begun(work: Work) -> Iterator[Callable[[Config], Beside]]:
    all_begun: list[Beside] = []

    def begin(config: Config) -> Beside:
        all_begun.append(Beside(config, Desk(PretendPort()), dict))
        all_begun[-1].start()
        return all_begun[-1]

    yield begin
    for each in all_begun:
        each.stop()


def test_what_is_wanted_begins_with_the_run_and_ends_with_it(work: Work, begun: Callable[[Config], Beside]) -> None:
    begun(OFF).stop()
    assert work.said(0) == []
    beside = begun(BOTH)
    assert sorted(work.said(2)) == ["studio begins", "yeti begins"]
    beside.stop()
    beside.stop()
    assert sorted(work.said(0)) == ["studio ends", "yeti ends"]


def test_a_reload_replaces_what_changed(work: Work, begun: Callable[[Config], Beside]) -> None:
    beside = begun(SCENES)
    work.said()
    other = replace(SCENES, obs=ObsConfig(connect=True, host="attic"))
    assert beside.follow_obs(other) == "The scenes of OBS on attic are followed."
    assert work.said() == ["studio ends", "attic begins"]
    assert beside.follow_audio(BOTH) == "The microphone is delayed with the picture."
    assert work.said() == ["yeti begins"]
    assert beside.follow_obs(OFF) == "The scenes of OBS are not followed."
    assert beside.follow_audio(OFF) == "No microphone is delayed."
    assert work.said(0) == ["attic ends", "yeti ends"]


def test_nothing_begins_after_the_end(work: Work, begun: Callable[[Config], Beside]) -> None:
    beside = begun(OFF)
    beside.stop()
    beside.follow_obs(BOTH)
    assert work.said(0) == []
