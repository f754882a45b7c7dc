"""Who reads a virtual camera: what the kernel, /proc and the driver say, put together."""

import os
import select
import sys
from pathlib import Path

import pytest

from livecam.core.frame import NS_PER_S
from livecam.core.readers import total
from livecam.output.memory import MemorySink
from livecam.output.null import NullSink
from livecam.output.readers import readers_of
from tests.fakes import FakeClock
from tests.output.fake_driver import FakeDriver
from tests.output.pictures import SIZE, cleared, plain

if sys.platform != "linux":
    pytest.skip("v4l2loopback is a Linux driver", allow_module_level=True)

from livecam.output.loopback_readers import LoopbackReaders, programs_reading
from livecam.output.v4l2 import V4l2Sink

OURS, OTHER = "/dev/video10", "/dev/video11"
READ_WRITE, WRITE_ONLY = "0100002", "0100001"


class Machine:
    """A pretended /proc and /sys; processes of such high numbers are no real ones, nor this one."""

    def __init__(self, place: Path, nodes: int = 2) -> None:
        self.proc, self.sysfs, self.refcnt = place / "proc", place / "sys", place / "refcnt"
        self.clock = FakeClock()
        for node in ("video10", "video11")[:nodes]:
            (self.sysfs / node).mkdir(parents=True)
            (self.sysfs / node / "max_openers").touch()
        self.add("self")
        self.opens(0)

    def add(self, process: str | int, **held: str) -> None:
        """A process and its descriptors: number to device, with how it is open behind a blank."""
        for folder in ("fd", "fdinfo"):
            (self.proc / str(process) / folder).mkdir(parents=True, exist_ok=True)
        for name, text in held.items():
            device, _, flags = text.partition(" ")
            (self.proc / str(process) / "fd" / name[1:]).symlink_to(device)
            (self.proc / str(process) / "fdinfo" / name[1:]).write_text(f"pos:\t0\nflags:\t{flags or READ_WRITE}\n")

    def opens(self, count: int | None) -> None:
        if count is None:
            self.refcnt.unlink()
        else:
            self.refcnt.write_text(f"{count}\n")

    def readers(self) -> LoopbackReaders:
        return LoopbackReaders(OURS, self.clock, self.proc, self.refcnt, self.sysfs)

    def later(self, seconds: float = 0.1) -> None:
        self.clock.time_ns += int(seconds * NS_PER_S)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_with_one_node_every_opener_but_this_program_reads_it_whoever_it_is(tmp_path: Path) -> None:
    machine = Machine(tmp_path, nodes=1)
    machine.add("self", _3=f"{OURS} {WRITE_ONLY}")
    machine.opens(1)
    readers = machine.readers()
    assert readers.count() == 0
    machine.opens(3)
    assert readers.count() == 0, "it is looked at twenty times a second"
    machine.later()
    assert readers.count() == 2
    machine.opens(1)
    machine.later()
    assert readers.count() == 0


def test_with_more_nodes_the_walk_tells_who_has_which(machine: Machine) -> None:
    machine.add("self", _3=f"{OURS} {WRITE_ONLY}")
    machine.add(os.getpid(), _3=f"{OURS} {WRITE_ONLY}", _4=OURS)
    machine.add(9_000_071, _3=f"{OTHER} {WRITE_ONLY}", _4="/dev/null")
    machine.add(9_000_072, _9=OTHER)
    machine.add(9_000_073, _5=OURS, _6=OURS)
    machine.opens(6)
    assert machine.readers().count() == 1


def test_the_programs_that_read_are_told_by_name(machine: Machine) -> None:
    machine.add(os.getpid(), _4=OURS)
    machine.add(9_000_071, _3=f"{OURS} {WRITE_ONLY}")
    machine.add(9_000_072, _9=OTHER)
    for process, name in ((9_000_073, "zoom\n"), (9_000_074, "zoom\n"), (9_000_075, "")):
        machine.add(process, _5=OURS)
        (machine.proc / str(process) / "comm").write_text(name)
    machine.add(9_000_076, _5=OURS)
    assert programs_reading(OURS, machine.proc) == ("?", "zoom")


def test_openers_that_are_nowhere_to_be_seen_count_as_readers(machine: Machine) -> None:
    machine.add("self", _3=f"{OURS} {WRITE_ONLY}")
    machine.add(os.getpid(), _3=f"{OURS} {WRITE_ONLY}")
    machine.add(9_000_072, _9=OTHER)
    machine.opens(4)
    assert machine.readers().count() == 2


def test_nobody_else_there_needs_no_walk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add("self", _3=f"{OURS} {WRITE_ONLY}")
    machine.opens(1)
    monkeypatch.setattr(LoopbackReaders, "_walk", lambda _: pytest.fail("walked"))
    assert machine.readers().count() == 0


def test_one_that_came_as_another_left_is_found_a_little_later(machine: Machine) -> None:
    machine.add(9_000_072, _9=OTHER)
    machine.opens(1)
    readers = machine.readers()
    assert readers.count() == 0
    (machine.proc / "9000072" / "fd" / "9").unlink()
    machine.add(9_000_073, _9=OURS)
    machine.later()
    assert readers.count() == 0
    machine.later(3)
    assert readers.count() == 1


def test_a_reader_that_comes_as_our_own_camera_is_closed_is_found_at_once(machine: Machine) -> None:
    """The camera may be a node of the same driver, and is closed just when nobody has looked for long."""
    for process in ("self", os.getpid()):
        machine.add(process, _3=f"{OURS} {WRITE_ONLY}", _4=OTHER)
    machine.opens(2)
    readers = machine.readers()
    assert readers.count() == 0
    for process in ("self", os.getpid()):
        (machine.proc / str(process) / "fd" / "4").unlink()
    machine.add(9_000_073, _9=OURS)
    machine.later()
    assert readers.count() == 1


def test_where_the_kernel_does_not_count_the_drivers_event_does_or_else_the_walk(machine: Machine) -> None:
    machine.opens(None)
    machine.add(9_000_073, _9=OURS)
    readers = machine.readers()
    assert readers.count(streaming=0) == 0
    machine.later()
    assert readers.count(streaming=2) == 2
    machine.later()
    assert readers.count() == 1
    (machine.proc / "9000073" / "fd" / "9").unlink()
    machine.later()
    assert readers.count() == 1
    machine.later(1)
    assert readers.count() == 0


def test_it_finds_a_real_program_that_has_a_file_open(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    node = tmp_path / "video10"
    node.touch()
    readers = LoopbackReaders(str(node), machine.clock, Path("/proc"), tmp_path / "none", machine.sysfs)
    assert readers.count() == 0
    with node.open("rb+"):
        child = os.fork()
        if not child:
            # Holds the descriptor until it is killed.
            select.select([], [], [], 200)
            os._exit(0)
    try:
        machine.later(1)
        assert readers.count() == 1
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDriver:
    (tmp_path / "video10").touch()
    driver = FakeDriver()
    driver.install(monkeypatch, tmp_path / "video10")

    class Poll:
        def register(self, fd: int, events: int) -> None:
            assert events == select.POLLPRI

        def poll(self, timeout: int) -> list[tuple[int, int]]:
            assert timeout == 0, "it never waits"
            return [(0, select.POLLPRI)] if driver.told else []

    monkeypatch.setattr("select.poll", Poll)
    return driver


def test_the_drivers_event_is_taken_with_each_picture(tmp_path: Path, driver: FakeDriver) -> None:
    driver.told = [0]
    clock = FakeClock()
    sink = V4l2Sink(str(tmp_path / "video10"), clock=clock)
    assert sink.readers == 0, "what is closed is not read"
    sink.open(SIZE, 30.0)
    node = sink._node
    assert node is not None
    sink.send(cleared(plain(7)))
    assert node.streaming == 0
    driver.told += [1, 2]
    sink.send(cleared(plain(7)))
    assert node.streaming == 2
    sink.send(cleared(plain(7)))
    assert node.streaming == 2, "nothing new was told"
    sink.close()
    assert sink.readers == 0


def test_an_old_driver_tells_nothing_and_is_not_asked_again(tmp_path: Path, driver: FakeDriver) -> None:
    sink = V4l2Sink(str(tmp_path / "video10"))
    sink.open(SIZE, 30.0)
    sink.send(cleared(plain(7)))
    assert sink._node is not None
    assert sink._node.streaming is None
    sink.close()


def test_sinks_that_cannot_know_count_as_read_and_so_does_the_sum() -> None:
    class Known(NullSink):
        readers = 3

    assert readers_of(NullSink()) is None
    assert readers_of(MemorySink()) is None
    assert readers_of(Known()) == 3
    assert total([0, 2, 3]) == 5
    assert total([]) == 0
    assert total([0, None, 3]) is None
