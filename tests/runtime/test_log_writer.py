"""The log of a run: in order, by another thread, and whatever becomes of the disk nobody waits for it."""

import errno
import fcntl
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livecam.runtime import log_writer
from livecam.runtime.log_writer import DirectText, Lines, LogWriter, appended, flush_log


class Disk:
    """Takes lines while it is open, fails with `error` while there is one, and holds whoever writes while closed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.error: Exception | None = None
        self.opened = threading.Event()
        self.opened.set()
        self.closed = False

    def write(self, text: str) -> None:
        assert self.opened.wait(60)
        if self.error is not None:
            raise self.error
        self.lines.append(text.rstrip("\n"))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(log_writer, "END_S", 60.0)
    disk = Disk()
    yield disk
    disk.opened.set()


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    log = logging.Logger("spoken")
    yield log
    for handler in log.handlers:
        handler.close()


def begin(log: logging.Logger, disk: Disk, room: int = 1000) -> LogWriter:
    writer = LogWriter(Lines(disk, "%(levelname)s %(threadName)s %(message)s"), room)
    log.addHandler(writer)
    return writer


def test_lines_are_written_in_order_by_another_thread_and_name_whoever_spoke(log: logging.Logger, disk: Disk) -> None:
    writer = begin(log, disk)
    list_that_changes = [1]
    disk.opened.clear()
    for number in range(100):
        log.info("line %d of %s", number, list_that_changes)
    list_that_changes.append(2)
    disk.opened.set()
    writer.flush()
    assert disk.lines == [f"INFO MainThread line {number} of [1]" for number in range(100)]


def test_an_exception_is_told_whole(log: logging.Logger, disk: Disk) -> None:
    writer = begin(log, disk)
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("It went wrong.")
    writer.flush()
    assert disk.lines[0].startswith("ERROR MainThread It went wrong.\nTraceback")
    assert disk.lines[0].endswith("ValueError: odd")


def test_who_speaks_never_waits_and_what_finds_no_room_is_counted_in_its_place(log: logging.Logger, disk: Disk) -> None:
    writer = begin(log, disk, room=10)
    disk.opened.clear()
    log.info("first")
    while not writer._queue.empty():  # taken by the thread, which now hangs in the disk
        time.sleep(0.001)
    begun_s = time.monotonic()
    for number in range(500):
        log.info("%d", number)
    assert time.monotonic() - begun_s < 30, "500 lines against a disk that does not answer"
    disk.opened.set()
    writer.flush()
    told = [line.removeprefix("INFO MainThread ") for line in disk.lines]
    assert told[:11] == ["first", *map(str, range(10))]
    assert told[11].startswith("WARNING livecam-log 490 lines of the log are missing here")
    log.info("later")
    writer.flush()
    assert disk.lines[12:] == ["INFO MainThread later"]


def test_what_comes_after_the_gap_stands_after_the_line_that_tells_of_it(log: logging.Logger, disk: Disk) -> None:
    writer = begin(log, disk, room=1)
    disk.opened.clear()
    log.info("hangs")
    while not writer._queue.empty():
        time.sleep(0.001)
    log.info("waits")
    log.info("lost")
    writer._room = 2
    log.info("after")
    disk.opened.set()
    writer.flush()
    assert [line.split()[2] for line in disk.lines] == ["hangs", "waits", "1", "after"]
    assert "1 line of the log is missing here" in disk.lines[2]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), MemoryError()])
def test_what_a_full_disk_does_not_take_is_counted_until_it_does(
    log: logging.Logger, disk: Disk, error: Exception
) -> None:
    writer = begin(log, disk)
    disk.error = error
    log.info("one")
    log.info("two")
    writer.flush()
    disk.error = None
    log.info("three")
    writer.flush()
    assert [line.split(" ", 2)[2] for line in disk.lines][1:] == ["three"]
    assert "2 lines of the log are missing here" in disk.lines[0]


def test_a_line_that_cannot_be_made_is_counted_and_stops_nobody(log: logging.Logger, disk: Disk) -> None:
    writer = begin(log, disk)
    log.info("%d", "no number")
    log.info("next")
    writer.flush()
    assert "1 line of the log is missing here" in disk.lines[0]
    assert disk.lines[1:] == ["INFO MainThread next"]


def test_an_end_writes_what_waits_but_does_not_wait_for_a_stuck_disk(
    log: logging.Logger, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(log, disk)
    disk.opened.clear()
    log.info("waits")
    threading.Timer(0.05, disk.opened.set).start()
    writer.close()
    assert (disk.lines, disk.closed) == (["INFO MainThread waits"], True)
    log.info("too late")
    writer.close()
    monkeypatch.setattr(log_writer, "END_S", 0.05)
    stuck = begin(log, disk)
    disk.closed = False
    disk.opened.clear()
    log.info("never")
    begun_s = time.monotonic()
    stuck.acquire()  # as logging.shutdown does
    stuck.flush()
    stuck.release()
    stuck.close()
    assert time.monotonic() - begun_s < 30
    assert not disk.closed, "a thread still uses it"


def test_flushing_the_log_of_the_process(disk: Disk) -> None:
    root = logging.getLogger()
    writer = LogWriter(Lines(disk, "%(message)s"))
    # Others may still be at work, and speak.
    writer.addFilter(lambda record: record.name == root.name)
    root.addHandler(writer)
    try:
        disk.opened.clear()
        root.error("the last words")
        threading.Timer(0.05, disk.opened.set).start()
        flush_log()
        assert disk.lines == ["the last words"]
    finally:
        root.removeHandler(writer)
        writer.close()


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    text = appended(file)
    text.write("Zürich \udc80\n")
    text.flush()
    assert not text.isatty()
    text.close()
    text.close()
    assert file.read_text(encoding="utf-8") == "before\nZürich \\udc80\n"
    with pytest.raises(IsADirectoryError if sys.platform != "win32" else PermissionError):
        appended(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors that do not block")
def test_a_pipe_that_is_told_not_to_block_is_written_whole() -> None:
    end, begin = os.pipe()
    fcntl.fcntl(begin, fcntl.F_SETFL, os.O_NONBLOCK)
    text = DirectText(begin, "ascii", owned=True)
    got: list[bytes] = []

    def read() -> None:
        time.sleep(0.02)
        while piece := os.read(end, 1 << 16):
            got.append(piece)

    reading = threading.Thread(target=read)
    reading.start()
    assert text.write("x" * 300_000) == 300_000
    assert text.fileno() == begin
    text.close()
    reading.join(60)
    os.close(end)
    assert sum(map(len, got)) == 300_000


class Stream:
    """One of Python's; `does` stands for a terminal that takes what was kept for it."""

    def __init__(self, does: Callable[[], object]) -> None:
        self.flush = does


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed")])
def test_what_is_kept_for_a_terminal_is_written_where_the_other_one_has_gone(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = threading.Event()

    def gone() -> None:
        raise error

    monkeypatch.setattr(sys, "stdout", Stream(gone))
    monkeypatch.setattr(sys, "stderr", Stream(flushed.set))
    log_writer.flush_streams(60.0)
    assert flushed.is_set()


def test_a_terminal_that_is_stuck_holds_nobody_who_wants_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(sys, "stdout", Stream(lambda: free.wait(60)))
    monkeypatch.setattr(sys, "stderr", Stream(free.is_set))
    begun_s = time.monotonic()
    log_writer.flush_streams(0.05)
    free.set()
    assert time.monotonic() - begun_s < 30
