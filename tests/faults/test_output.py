"""Faults of what takes pictures: a sink that goes, disks that are full or slow, somebody who no longer reads."""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
import pytest

from tests.faults.book import Book
from tests.faults.enduring import Fault, endure, fairly
from tests.faults.rig import Run

pytestmark = pytest.mark.faults


def frames(path: Path) -> int:
    """How many pictures of it play; none where nothing of it is on the disk yet."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except av.FFmpegError:
        return 0


def recordings(run: Run) -> list[Path]:
    return sorted((run.folder / "data" / "recordings").glob("*.mp4"))


@pytest.mark.parametrize(
    ("word", "says"),
    [("gone", r"The brittle sink is not there"), ("broken", r"brittle failed: \[Errno 5\]")],
)
def test_a_sink_goes_and_comes_back(standing: Run, book: Book, word: str, says: str) -> None:
    name = {"gone": "sink gone", "broken": "sink fails in its driver"}[word]
    fault = Fault(name, says, 1.0, slate=False)
    endure(standing, book, fault, lambda: standing.put("sink", word), lambda: standing.put("sink"))
    offset, again = standing.log().rindex("brittle"), "brittle is open again"
    with fairly(standing):
        standing.until(lambda: bool(standing.said(again, offset)), 5.0 * standing.slowness, "the sink is opened again")


def test_the_disk_is_full_while_recording(standing: Run, book: Book) -> None:
    fault = Fault("full disk while recording", r"Cannot record to .*The disk is full", 1.0, slate=False, lasts_s=2.5)

    def begin() -> None:
        before = set(recordings(standing))
        assert standing.say("record start").ok
        standing.rest(1.5)
        standing.until(
            lambda: any(frames(path) for path in {*recordings(standing)} - before),
            20.0 * standing.slowness,
            "something of it is on the disk",
        )
        standing.put("disk", "full")

    def end() -> None:
        standing.put("disk")
        standing.rest(1.0)
        standing.say("record stop")

    endure(standing, book, fault, begin, end)
    kept = recordings(standing)
    assert kept, "what was recorded before is kept"
    assert all(frames(path) > 0 for path in kept)


def test_the_disk_is_slow_while_recording(standing: Run, book: Book) -> None:
    fault = Fault("slow disk while recording", r"the disk or the encoder is too slow", 1.0, slate=False, lasts_s=3.5)

    def begin() -> None:
        standing.put("disk", "slow")
        assert standing.say("record start").ok

    def end() -> None:
        standing.put("disk")
        standing.say("record stop")

    endure(standing, book, fault, begin, end)


def test_the_disk_of_the_log_hangs_while_the_output_has_something_to_say(standing: Run, book: Book) -> None:
    fault = Fault("disk of the log hangs", r"brittle failed: \[Errno 5\]", 1.0, slate=False)

    def begin() -> None:
        standing.put("log", "hang")
        standing.put("sink", "broken")

    def end() -> None:
        standing.put("sink")
        standing.put("log")

    endure(standing, book, fault, begin, end)


@contextmanager
def idle_watcher(address: str) -> Iterator[None]:
    """Somebody who begins to look at the preview, and does not read on."""
    found = re.search(r"http://([\d.]+):(\d+)/\?token=(\S+)", address)
    assert found, address
    host, port, token = found.groups()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect((host, int(port)))
        request = f"GET /stream.mjpg?token={token.rstrip('.')} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
        connection.sendall(request.encode())
        assert b"200" in connection.recv(64)
        yield


def test_a_watcher_stops_reading(standing: Run, book: Book) -> None:
    fault = Fault("consumer that stops reading", "has stopped reading; it holds nobody up", 1.0, False, lasts_s=1.0)
    said, watching = standing.say("sink add web:0").said, ExitStack()

    def begin() -> None:
        # Each time another one: of one of them it is said once.
        watching.close()
        stopped, offset = "has stopped reading", len(standing.log())
        watching.enter_context(idle_watcher(said))
        # Until the buffers between the two are full.
        standing.until(lambda: bool(standing.said(stopped, offset)), 25.0 * standing.slowness, stopped)

    try:
        with watching:
            endure(standing, book, fault, begin, lambda: None)
    finally:
        assert standing.say("sink remove web").ok
