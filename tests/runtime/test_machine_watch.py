"""What a machine does to a run is said once when it begins, and once when it ends."""

import logging
import time
from pathlib import Path

import pytest

from livecam.core.frame import NS_PER_S
from livecam.runtime.control_groups import Throttle
from livecam.runtime.machine_watch import EVERY_NS, SHORT_BYTES, Load, MachineWatch, Readings, of_this_machine


class Machine:
    """A machine whose figures are set by hand."""

    def __init__(self) -> None:
        self.steady_ns = 50 * NS_PER_S
        self.wall_ns = 1_700_000_000 * NS_PER_S
        self.load = Load(100.0, 50.0, 10.0)
        self.left = 8 << 30
        self.limit_left: int | None = None
        self.throttles: dict[Path, Throttle] = {}
        self.failing: type[Exception] | None = None
        clocks = lambda: self.wall_ns, lambda: self.steady_ns
        limits = lambda: dict(self.throttles), lambda: self.limit_left
        self.watch = MachineWatch(Readings(*clocks, self._load, lambda: self.left, *limits))

    def _load(self) -> Load:
        if self.failing is not None:
            raise self.failing
        return self.load

    def is_held(self, for_s: float, processors: float = 0.5, place: str = "mine") -> None:
        """As much of the next look in which a limit is reached."""
        before = self.throttles.get(Path(place), Throttle(processors, 0.0))
        self.throttles[Path(place)] = Throttle(processors, before.held_s + for_s)

    def goes_on(self, used: float = 0.5, own: float = 0.2, looks: int = 1) -> None:
        """Half a second each, on two processors of which shares were used."""
        for _ in range(looks):
            self.steady_ns += EVERY_NS
            self.wall_ns += EVERY_NS
            self.load = Load(self.load.all + 1, self.load.used + used, self.load.own + own)
            self.watch.look()


@pytest.fixture
def machine(caplog: pytest.LogCaptureFixture) -> Machine:
    caplog.set_level(logging.INFO)
    return Machine()


def test_nothing_is_said_of_a_machine_at_work(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.goes_on(looks=20)
    # All of it by livecam itself, and a clock that is being corrected.
    machine.goes_on(used=1.0, own=0.7, looks=20)
    machine.wall_ns += NS_PER_S // 2
    machine.goes_on()
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("by_s", "told"), [(-86400, "set back by 1 day, 0:00:00:"), (-2, "set back by 0:00:02:"), (3600, "by 1:00:00:")]
)
def test_a_clock_that_is_set_is_told_of_once(
    machine: Machine, caplog: pytest.LogCaptureFixture, by_s: int, told: str
) -> None:
    machine.goes_on()
    machine.wall_ns += by_s * NS_PER_S
    machine.goes_on(looks=5)
    (said,) = caplog.messages
    assert told in said


def test_programs_that_take_the_processors_are_told_of_when_they_begin_and_end(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.goes_on()
    machine.goes_on(used=1.0, own=0.2)
    assert caplog.messages == [], "one look may be a moment"
    machine.goes_on(used=1.0, own=0.2, looks=9)
    assert [message[:41] for message in caplog.messages] == ["Other programs take 80 % of this machine'"]
    machine.goes_on(used=0.9, own=0.2, looks=4)
    machine.goes_on(looks=4)
    assert caplog.messages[1:] == ["The processors have time again, after 7 s."]


def test_a_limit_of_processors_is_told_of_when_it_holds_livecam_back_and_when_no_more(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.is_held(500.0)
    machine.goes_on(looks=10)
    assert caplog.messages == [], "what was before livecam started is no news"
    for _ in range(6):
        machine.is_held(0.4)
        machine.is_held(0.1, 4.0, "around it")
        machine.goes_on()
    assert caplog.messages == [
        "Held back by the limit of 0.5 processors for this container or service, reached in 80 % of the last second's "
        "periods: pictures may come late. Raise the limit, or choose a lighter preset."
    ]
    machine.goes_on(looks=8)
    assert caplog.messages[1:] == ["The limit of processor time holds livecam back no more, after 3 s."]


def test_a_limit_that_is_reached_now_and_then_is_not_told_of(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    for look in range(20):
        machine.is_held(0.5 if look % 4 == 0 else 0.1)
        machine.goes_on()
    machine.throttles.clear()
    machine.is_held(5.0, place="another")
    machine.goes_on(looks=3)
    machine.throttles.clear()
    machine.goes_on(looks=3)
    assert caplog.messages == []


def test_a_limit_of_memory_is_told_of_where_it_is_the_nearer_one(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.limit_left = -5
    machine.goes_on(looks=2)
    machine.limit_left = 1 << 40
    machine.goes_on(looks=2)
    machine.left = 5_000_000
    machine.goes_on()
    assert [message for message in caplog.messages if "short" in message] == [
        "Memory is short: 0 MB are left for livecam. Raise the limit of its container or service.",
        "Memory is short: 5 MB are left for livecam. Close other programs.",
    ]


def test_memory_that_ends_is_told_of_when_it_begins_and_ends(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.left = 3_000_000
    machine.goes_on(looks=4)
    machine.left = SHORT_BYTES + 1
    machine.goes_on(looks=2)
    machine.left = 1 << 30
    machine.goes_on(looks=2)
    assert caplog.messages == [
        "Memory is short: 3 MB are left for livecam. Close other programs.",
        "There is memory again, after 3 s.",
    ]


@pytest.mark.parametrize("failing", [OSError, MemoryError])
def test_a_look_that_fails_ends_nothing(
    machine: Machine, caplog: pytest.LogCaptureFixture, failing: type[Exception]
) -> None:
    machine.failing = failing
    machine.goes_on(looks=3)
    machine.failing, machine.left = None, 0
    machine.goes_on(looks=2)
    assert [message[:15] for message in caplog.messages] == ["Memory is short"]


def test_it_looks_no_oftener_than_twice_a_second(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.left = 0
    machine.steady_ns += EVERY_NS - 1
    machine.watch.look()
    assert caplog.messages == []


def test_this_machine_has_such_figures() -> None:
    readings = of_this_machine()
    before, begun_s = readings.load(), time.process_time()
    while time.process_time() - begun_s < 0.1:
        sum(range(1000))
    after = readings.load()
    assert after.all > before.all
    assert before.own < after.own <= after.used
    assert readings.memory_left() > SHORT_BYTES
