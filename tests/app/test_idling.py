"""Nobody looks, and the run rests; somebody comes, and it wakes up."""

import logging

import pytest

from livecam.app.idling import Idling
from livecam.config.idle import IdleConfig, WhenIdle
from livecam.core.frame import NS_PER_S
from tests.fakes import FakeClock


class Rig:
    """Something that can rest, and whoever reads it."""

    def __init__(self, when: WhenIdle = WhenIdle.RELEASE, card_s: float = 2.0) -> None:
        self.clock = FakeClock()
        self.readers: int | None = 0
        self.willing = True
        self.said: list[str] = []
        config = IdleConfig(when=when, after_s=10.0, card_s=card_s)
        self.idling = Idling(config, lambda: self.readers, self, self.introduce, self.clock)

    def rest(self) -> bool:
        self.said.append("rest")
        return self.willing

    def wake(self) -> bool:
        self.said.append("wake")
        return self.willing

    def introduce(self, until_ns: int) -> None:
        self.said.append(f"card {(until_ns - self.clock.time_ns) / NS_PER_S:g}")

    def look(self, readers: int | None, seconds: float = 0.1) -> list[str]:
        """What is done in `seconds` while `readers` look."""
        self.readers, self.said = readers, []
        for _ in range(round(seconds * 10)):
            self.clock.time_ns += NS_PER_S // 10
            self.idling.look()
        return self.said


def test_after_a_while_without_readers_it_rests_and_the_first_one_wakes_it_and_is_shown_the_card() -> None:
    rig = Rig()
    assert rig.look(0, 9.9) == []
    assert rig.look(0, 30) == ["rest"]
    assert rig.look(1) == ["card 2", "wake"]
    assert rig.look(2, 30) == [], "later ones see what the first one sees"
    assert rig.look(0, 9.9) == []
    assert rig.look(1) == ["card 2"], "whoever comes back is told again"
    assert rig.look(0, 11) == ["rest"]


def test_who_cannot_be_counted_counts_as_being_there_and_is_shown_no_card_for_it() -> None:
    rig = Rig()
    assert rig.look(None, 60) == []
    rig.look(0, 11)
    assert rig.look(None) == ["wake"]
    assert rig.look(3) == [], "nobody is known to have come"


def test_what_wakes_it_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    with caplog.at_level(logging.INFO):
        rig.look(0, 11)
        rig.look(None)
    assert "Pictures go to a recording, or to where it cannot be told who looks: the camera is opened." in caplog.text
    with caplog.at_level(logging.INFO):
        rig.look(0, 11)
        rig.look(1)
    assert "Somebody looks: the camera is opened." in caplog.text


def test_what_cannot_rest_or_wake_now_is_asked_again() -> None:
    rig = Rig()
    rig.willing = False
    assert rig.look(0, 10.2) == ["rest"] * 3
    rig.willing = True
    assert rig.look(0) == ["rest"]
    rig.willing = False
    assert rig.look(1, 0.3) == ["card 2", "wake", "wake", "wake"]
    rig.willing = True
    assert rig.look(1, 1) == ["wake"]


def test_a_reader_who_leaves_before_it_is_awake_leaves_it_resting() -> None:
    rig = Rig()
    rig.look(0, 11)
    rig.willing = False
    rig.look(1)
    assert rig.look(0, 30) == []


@pytest.mark.parametrize("readers", [0, 1, None])
def test_it_does_nothing_unless_it_is_asked_to(readers: int | None) -> None:
    rig = Rig(when=WhenIdle.KEEP)
    assert rig.look(readers, 30) == []


def test_a_card_of_no_length_is_none() -> None:
    assert Rig(card_s=0).look(1) == []
