"""The output process: killed, hung, taken over and stopped, with real processes and real signals."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livecam.app import Daemon, Panic, Resume, output_process, output_process_start, run
from livecam.app.provenance.manifest import read as read_manifest
from livecam.app.registry import SINKS
from livecam.core.cleared import How
from livecam.errors import ConfigError, SinkGone
from livecam.runtime.report import Report
from livecam.runtime.supervisor import State
from tests.app import tracing
from tests.app.producing import PAINT, Painter, configure
from tests.app.tracing import Sent

TICK_MS = 1000 / 30
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the output process needs Linux or macOS")


class Stage:
    """A folder to meet in, a file that the output process writes what it sends to, and main processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.anew()
        self.producers: list[subprocess.Popen[str]] = []
        self.daemons: list[Daemon] = []
        self.pauses = tracing.Pauses()

    def anew(self) -> None:
        """With a file of its own: what was sent before does not count."""
        self.trace = self.folder / f"trace{len(list(self.folder.glob('*.marks')))}"
        self.values = {"output.sinks": f"trace:{self.trace}"}

    @property
    def sent(self) -> list[Sent]:
        return tracing.read(self.trace)

    @property
    def kept_ms(self) -> float:
        """How long this process and the output process were kept from running at most."""
        return self.pauses.longest_ms + tracing.longest_pause_ms(self.trace)

    @property
    def sockets(self) -> list[Path]:
        return sorted((self.folder / "livecam").glob("*.sock"))

    def producer(self, **values: str) -> subprocess.Popen[str]:
        """A main process of its own, to be killed."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        command = [sys.executable, "-m", "tests.app.producing", json.dumps({**self.values, **named})]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.producers.append(process)
        return process

    def daemon(self, **values: str) -> Daemon:
        """A main process that is this one."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        daemon = Daemon(configure({**self.values, **named}), make_processor=Painter)
        daemon.start()
        self.daemons.append(daemon)
        return daemon

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited too long for {what}; last {self.sent[-3:]}"
            time.sleep(0.005)

    def live(self, more: int = 10) -> None:
        """Wait until swapped pictures leave."""
        start = len(self.sent)
        self.until(lambda: sum(one.how is How.SWAPPED for one in self.sent[start:]) >= more, "swapped pictures")

    def slated(self, more: int = 3) -> None:
        start = len(self.sent)
        self.until(lambda: [one.how for one in self.sent[start:]][-more:] == [How.SLATE] * more, "the slate")

    def after_ms(self, when_ns: int) -> float:
        """How long after `when_ns` the last swapped picture left."""
        return (max(one.now_ns for one in self.sent if one.how is How.SWAPPED) - when_ns) / 1e6

    def longest_gap_ms(self) -> float:
        times = [one.now_ns for one in self.sent]
        return max(later - earlier for earlier, later in itertools.pairwise(times)) / 1e6

    def clean(self) -> None:
        """Every picture of one size; each the paint or the slate, and no bare one."""
        slates = {(one.smallest, one.largest) for one in self.sent if one.how is How.SLATE}
        assert {(one.rows, one.columns) for one in self.sent} == {(360, 320)}
        assert {(one.smallest, one.largest) for one in self.sent if one.how is How.SWAPPED} <= {(PAINT, PAINT)}
        assert len(slates) <= 1
        assert {one.how for one in self.sent} <= {How.SWAPPED, How.SLATE}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="livecam-"))  # a socket's path must be short, pytest's folders are not
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setitem(SINKS, "trace", "tests.app.tracing:make")
    monkeypatch.setattr(output_process_start, "COMMAND", tracing.COMMAND)
    monkeypatch.setattr(output_process, "_STUCK_NS", 60 * 10**9)
    stage = Stage(folder)
    yield stage
    stage.pauses.end()
    for daemon in stage.daemons:
        if daemon.report().state not in (State.STOPPING, State.FAILED):
            daemon.stop()
    for process in stage.producers:
        process.kill()
        process.communicate()
    for mark in {int(mark.split()[1]) for path in folder.glob("*.marks") for mark in path.read_text().splitlines()}:
        if _command(mark) == list(tracing.COMMAND):
            os.kill(mark, signal.SIGKILL)
    shutil.rmtree(folder)


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def adds_up(report: Report) -> None:
    assert report.published == report.sent["live"] + report.overtaken + report.expired
    assert min(report.overtaken, report.expired) >= 0


def best_of_three(late_ms: Callable[[], float]) -> float:
    """The least of up to three tries by which something came late, ms; below zero where it did not.

    One thread alone may be kept from running as well, and none of the pauses tells of that.
    """
    least_ms = late_ms()
    for _ in range(2):
        least_ms = least_ms if least_ms < 0 else min(least_ms, late_ms())
    return least_ms


@pytest.mark.timeout(600)
def test_killed_twice_the_slate_comes_within_100_ms_and_a_new_run_takes_over_without_a_gap(stage: Stage) -> None:
    def late_ms() -> float:
        stage.anew()
        return killed_twice(stage)

    assert best_of_three(late_ms) < 0


def killed_twice(stage: Stage) -> float:
    """By how much the slate, or the one that took over, came late."""
    late_ms = []
    for _ in range(2):
        victim = stage.producer()
        stage.live(20)
        killed_ns = time.monotonic_ns()
        victim.kill()
        time.sleep(0.3)
        stage.slated()
        late_ms.append(stage.after_ms(killed_ns) - 100 - stage.kept_ms)
    heir = stage.producer()
    stage.live(20)
    out, _ = heir.communicate("stop\n")
    assert "stopped" in out
    stage.clean()
    assert len({one.pid for one in stage.sent}) == 1, "one output process served all three"
    assert stage.sent[-1].how is How.SLATE, "the slate goes last"
    assert [mark.split()[0] for mark in tracing.marks(stage.trace)] == ["open", "close"]
    assert stage.sockets == []
    return max(*late_ms, stage.longest_gap_ms() - 3 * TICK_MS - stage.kept_ms)


def test_a_main_process_that_hangs_is_the_slate_and_then_goes_on(stage: Stage) -> None:
    victim = stage.producer()

    def late_ms() -> float:
        stage.live(20)
        stopped_ns = time.monotonic_ns()
        victim.send_signal(signal.SIGSTOP)
        stage.slated()
        late_ms = stage.after_ms(stopped_ns) - 250 - stage.kept_ms
        victim.send_signal(signal.SIGCONT)
        return late_ms

    assert best_of_three(late_ms) < 0
    stage.live()
    stage.clean()


def test_panic_reaches_the_next_tick_and_the_counters_add_up(stage: Stage) -> None:
    daemon = stage.daemon()
    daemon.status(daemon.check())
    stage.live(20)

    def late_ms() -> float:
        panicked_ns = time.monotonic_ns()
        daemon.submit(Panic())
        stage.slated(2)
        late_ms = stage.after_ms(panicked_ns) - TICK_MS - stage.kept_ms
        daemon.submit(Resume())
        stage.live(3)
        return late_ms

    for _ in range(3):
        assert best_of_three(late_ms) < 0, "what was on its way may leave, and nothing after that"
    status = daemon.status(daemon.check())
    stage.until(lambda: daemon.status(daemon.check()).showing in ("live", "held"), "swapped pictures in the status")
    assert status.sinks == (f"trace:{stage.trace}",)
    assert status.fps > 1
    daemon.stop()
    report = daemon.report()
    adds_up(report)
    assert report.sinks[0]["sent"] == sum(report.sent.values()) == len(stage.sent)
    assert report.sent["live"] == len({one.seq for one in stage.sent if one.how is How.SWAPPED})
    assert stage.sent[-1].how is How.SLATE
    stage.clean()


def test_stopping_takes_two_seconds_at_most(stage: Stage) -> None:
    def late_ms() -> float:
        stage.anew()
        daemon = stage.daemon()
        stage.live(3)
        started = time.monotonic()
        daemon.stop()
        return (time.monotonic() - started - 2) * 1000 - stage.kept_ms

    assert best_of_three(late_ms) < 0


def test_an_output_process_that_is_killed_is_started_again(stage: Stage) -> None:
    daemon = stage.daemon()
    stage.live(20)
    first = stage.sent[-1].pid
    os.kill(first, signal.SIGKILL)
    stage.until(lambda: stage.sent[-1].pid != first, "a second output process")
    stage.live()
    assert daemon.check().error is None
    daemon.stop()
    report = daemon.report()
    adds_up(report)
    assert report.thread_restarts == 1
    assert abs(sum(report.sent.values()) - len(stage.sent)) <= 1, "the second goes on counting where the first was"
    assert not Path(f"/proc/{first}").exists(), "no zombie is left"
    stage.clean()


def test_an_output_process_that_hangs_is_killed_and_started_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_process, "_STUCK_NS", 500_000_000)
    daemon = stage.daemon()
    stage.live()
    first = stage.sent[-1].pid
    hang = Path(f"{stage.trace}.hang")
    hang.touch()
    stage.until(lambda: _command(first) == [], "the hanging one's end")
    hang.unlink()
    stage.until(lambda: stage.sent[-1].pid != first, "a second output process")
    stage.live()
    daemon.stop()


def test_other_sinks_end_the_one_left_alone_first(stage: Stage) -> None:
    victim = stage.producer()
    stage.live()
    victim.kill()
    victim.wait()
    other = stage.folder / "other"
    daemon = stage.daemon(output__sinks=f"trace:{other}")
    stage.until(lambda: len(tracing.read(other)) > 3, "pictures in the other place")
    assert stage.sent[-1].how is How.SLATE
    assert [mark.split()[0] for mark in tracing.marks(stage.trace)] == ["open", "close"]
    assert stage.sent[-1].now_ns < tracing.read(other)[0].now_ns
    daemon.stop()
    assert stage.sockets == []


def test_one_with_a_living_main_process_is_left_alone_and_not_shared(stage: Stage) -> None:
    stage.producer()
    stage.live()
    with pytest.raises(SinkGone, match=r"Another livecam \(process \d+\)"):
        run(configure({**stage.values, "privacy.passthrough": "true", "run.seconds": "90"}))
    other = stage.folder / "other"
    daemon = stage.daemon(output__sinks=f"trace:{other}")
    stage.until(lambda: len(tracing.read(other)) > 3, "pictures in the other place")
    stage.live()
    daemon.stop()
    stage.clean()


def test_a_recording_of_the_output_process_is_signed_by_the_main_one(stage: Stage) -> None:
    pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")
    path = stage.folder / "call.mp4"
    daemon = stage.daemon(output__sinks=f"{stage.values['output.sinks']};record:{path}")
    stage.live(20)
    daemon.stop()
    assert daemon.report().files == ({"path": str(path), "provenance": "signed"},)
    found = read_manifest(path)
    assert found is not None
    assert (found.valid, found.session) == (True, daemon.session)


def test_left_alone_it_ends_by_itself(stage: Stage) -> None:
    victim = stage.producer(output__orphan_s="0.5")
    stage.live()
    killed = time.monotonic()
    victim.kill()
    stage.until(lambda: len(tracing.marks(stage.trace)) == 2, "the end")
    assert 0.4 < time.monotonic() - killed < 80
    assert stage.sent[-1].how is How.SLATE
    stage.until(lambda: stage.sockets == [], "the socket's end")


def test_a_terminated_one_ends_in_order_and_a_socket_left_behind_is_no_obstacle(stage: Stage) -> None:
    victim = stage.producer()
    stage.live()
    output = stage.sent[-1].pid
    victim.kill()
    os.kill(output, signal.SIGKILL)
    assert len(stage.sockets) == 1, "killed, it leaves its socket behind"
    heir = stage.producer()
    stage.live()
    output = stage.sent[-1].pid
    os.kill(output, signal.SIGTERM)
    stage.until(lambda: f"close {output}" in tracing.marks(stage.trace), "an orderly end")
    heir.communicate("stop\n")
    stage.clean()


def test_sinks_that_can_never_open_end_the_run(stage: Stage) -> None:
    (stage.folder / "file").write_text("")
    with pytest.raises(SinkGone):
        run(configure({"output.sinks": f"record:{stage.folder}/file/a.mp4", "privacy.passthrough": "true"}))
    stage.until(lambda: stage.sockets == [], "the socket's end")


def test_what_cannot_work_is_said_before_anything_starts(stage: Stage) -> None:
    with pytest.raises(ConfigError):
        stage.daemon(output__sinks="webb")
    meeting = stage.folder / "livecam"
    meeting.mkdir(exist_ok=True)
    meeting.chmod(0o755)
    with pytest.raises(ConfigError, match="nobody else may enter"):
        stage.daemon()
    assert "output" not in {thread.name for thread in threading.enumerate()}
