"""A terminal that takes nothing holds up neither a run nor its end."""

import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from livecam.app.again import VARIABLE
from livecam.cli.aside import Aside
from livecam.runtime.log_writer import ROOM
from livecam.runtime.report import Status
from tests.patience import UNHURRIED_S
from tests.test_cli import STATUS, changed

NOBODY_READS = """
import logging, sys, time
from contextlib import nullcontext
from pathlib import Path
import click
from livecam.cli import aside
from livecam.cli.logs import start_daemon_log
from livecam.config import LogConfig
from livecam.config.schema import LogLevel
from livecam.errors import SinkError
from livecam.runtime import log_writer

count, in_a_file = int(sys.argv[3]), bool(sys.argv[2])
aside.END_S = 0.2
log_writer.END_S = float(sys.argv[4])
start_daemon_log(LogConfig(LogLevel.INFO, Path(sys.argv[2]) if in_a_file else None))
with aside.Aside(nullcontext(lambda status: click.echo("x" * 1_000_000))) as show:
    begun_s = time.monotonic()
    for number in range(count):
        logging.getLogger("livecam").info("line %d %s", number, "x" * 200)
        show('status')
    Path(sys.argv[1]).write_text(f"{time.monotonic() - begun_s}")
    time.sleep(0.1)
    if in_a_file:
        raise SinkError("The sink is gone.")
"""

HANGS = """
import os, sys
from pathlib import Path
from livecam import app
from livecam.app.again import VARIABLE
from livecam.cli.root import root
from livecam.errors import DriverHangs

if VARIABLE not in os.environ:
    os.set_blocking(1, False)
    try:
        while os.write(1, b"x" * 65536):
            pass
    except BlockingIOError:
        os.set_blocking(1, True)

def run(config, show, **rest):
    if VARIABLE in os.environ:
        Path(sys.argv[1]).write_text(f"{os.getpid()} {os.environ[VARIABLE]}")
        os._exit(0)
    raise DriverHangs("The camera hangs.")

app.run = run
root(["run", "--passthrough", "--source", "synthetic", "--sink", "null", "--no-tty"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no exec")
def test_a_process_whose_output_nobody_reads_still_replaces_itself_where_a_driver_hangs(tmp_path: Path) -> None:
    # Its streams are to have buffers, and locks.
    environment = {name: value for name, value in os.environ.items() if name not in {VARIABLE, "PYTHONUNBUFFERED"}}
    environment["LIVECAM_DATA"] = str(tmp_path)
    words = [sys.executable, "-c", HANGS, str(tmp_path / "came")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()
        pid, count, _ = (tmp_path / "came").read_text().split()
    assert (int(pid), count) == (process.pid, "1")


@pytest.mark.parametrize(("log", "code"), [("", 0), ("log", 1)])
def test_a_process_whose_output_nobody_reads_goes_on_and_ends(tmp_path: Path, log: str, code: int) -> None:
    # A file takes every line, in its time: no more than find room meanwhile, and an end that waits for them.
    file, count, end_s = (tmp_path / log, ROOM - 1, UNHURRIED_S) if log else (None, 2 * ROOM, 0.2)
    words = [sys.executable, "-c", NOBODY_READS, str(tmp_path / "took"), str(file or ""), str(count), str(end_s)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(2 * UNHURRIED_S) == code
        finally:
            process.kill()
        told = process.stderr.read() if process.stderr and not file else b""
    assert float((tmp_path / "took").read_text()) < UNHURRIED_S, "whoever speaks and shows did not wait"
    lines = (file.read_text() if file else told.decode()).splitlines()
    assert [line.split()[6] for line in lines[:100]] == [str(number) for number in range(100)]
    if file:
        assert f"line {count - 1} " in lines[-1], "and all that could be written is"
        assert "INFO MainThread livecam: line 0 x" in lines[0]


def test_what_is_shown_meanwhile_is_left_out_and_the_last_one_is_shown() -> None:
    shown: list[Status] = []
    busy, free = threading.Event(), threading.Event()

    def show(status: Status) -> None:
        shown.append(status)
        busy.set()
        assert free.wait(10)

    with Aside(nullcontext(show)) as aside:
        aside(STATUS)
        assert busy.wait(10)
        for number in range(5):
            aside(changed(dropped=number))
        free.set()
    assert [status.dropped for status in shown] == [STATUS.dropped, 0]


def test_a_reader_that_has_gone_ends_the_run() -> None:
    def show(status: Status) -> None:
        raise BrokenPipeError

    with Aside(nullcontext(show)) as aside:
        aside(STATUS)
        aside._thread.join(10)
        with pytest.raises(BrokenPipeError):
            aside(STATUS)
