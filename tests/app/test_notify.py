"""What systemd is told, and when."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.app.notify import ServiceNotifier, state_line
from livecam.core.frame import NS_PER_MS
from livecam.runtime.report import Status
from tests.fakes import FakeClock


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(1000).decode())
        except BlockingIOError:
            return messages


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}


def test_ready_is_said_once_and_life_three_times_in_a_period(manager: socket.socket, tmp_path: Path) -> None:
    clock = FakeClock()
    notifier = ServiceNotifier(clock, environment(tmp_path, WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid())))
    assert notifier.watched
    assert heard(manager) == []
    notifier.beat()
    assert heard(manager) == ["READY=1", "WATCHDOG=1"]
    for _ in range(300):
        clock.time_ns += 10 * NS_PER_MS
        notifier.beat()
    assert heard(manager) == ["WATCHDOG=1"] * 3


def test_who_is_not_meant_shows_no_life(manager: socket.socket, tmp_path: Path) -> None:
    notifier = ServiceNotifier(FakeClock(), environment(tmp_path, WATCHDOG_USEC="3000000", WATCHDOG_PID="1"))
    assert not notifier.watched
    notifier.beat()
    assert heard(manager) == ["READY=1"]


def test_status_is_one_line(manager: socket.socket, tmp_path: Path) -> None:
    notifier = ServiceNotifier(FakeClock(), environment(tmp_path))
    notifier.told("live\nREADY=1")
    notifier.told("live\nREADY=1")
    notifier.stopping()
    assert heard(manager) == ["STATUS=live READY=1", "STOPPING=1"]


def test_a_process_that_starts_itself_again_shows_life_and_does_not_say_that_it_stops(
    manager: socket.socket, tmp_path: Path
) -> None:
    ServiceNotifier(FakeClock(), environment(tmp_path, WATCHDOG_USEC="3000000")).replaced()
    ServiceNotifier(FakeClock(), environment(tmp_path)).replaced()
    assert heard(manager) == ["WATCHDOG=1"]


@pytest.mark.parametrize("given", [{}, {"WATCHDOG_USEC": "3000000"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_manager_nothing_happens(given: dict[str, str]) -> None:
    notifier = ServiceNotifier(FakeClock(), given)
    notifier.beat()
    notifier.stopping()


def test_a_manager_in_the_abstract_namespace_is_heard_of() -> None:
    name = f"livecam-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        ServiceNotifier(FakeClock(), {"NOTIFY_SOCKET": "@" + name}).beat()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("mode", "note", "line"),
    [
        ("swap", "", "live, wearing ann"),
        ("swap", "The camera is lost.", "live, wearing ann. The camera is lost."),
        ("passthrough", "", "live, passthrough, YOUR OWN FACE IS SENT"),
    ],
)
def test_the_state_is_a_line_without_figures(mode: str, note: str, line: str) -> None:
    assert state_line(Status(29.9, 40.0, 60.0, 7, "live", "live", "ann", mode, "cpu", note, ())) == line
