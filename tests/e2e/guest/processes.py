"""The programs a job starts: the daemon, by its ordinary command, and ffmpeg as a webcam."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from livecam.output import loopback
from tests.e2e.guest.ledger import JobFailed
from tests.e2e.picture import SIZE

COMMAND: Final = str(Path(sys.executable).with_name("livecam"))
"""As `pip install` put it beside the Python that runs this."""
_CALL_LIMIT_S: Final = 180.0
_END_LIMIT_S: Final = 20.0


def livecam(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``livecam`` to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=_CALL_LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


class Program:
    """A program that runs until it is stopped; what it says goes into a file.

    Args:
        command: And its arguments.
        log: That file.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        with log.open("wb") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def kill(self) -> int:
        """SIGKILL; returns when it was sent, monotonic ns. Its main process has ended on return."""
        killed_ns = time.monotonic_ns()
        self.process.kill()
        self.process.wait()
        return killed_ns

    def end(self) -> int:
        """SIGTERM, as a service manager sends it; returns the exit status.

        Raises:
            JobFailed: It does not end.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise JobFailed(f"{self.log.stem} did not end within {_END_LIMIT_S:g} s of SIGTERM") from None

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def daemon(name: str, folder: Path, *flags: str, fps: int) -> Program:
    """Start ``livecam run`` with `flags`; its log and its report are ``NAME.log`` and ``NAME.json`` in `folder`."""
    (folder / f"{name}.json").unlink(missing_ok=True)
    command = [COMMAND, "run", *flags, "--size", str(SIZE), "--fps", str(fps), "--no-tty"]
    return Program([*command, "--report", str(folder / f"{name}.json")], folder / f"{name}.log")


def report(name: str, folder: Path) -> Mapping[str, object]:
    """What the daemon called `name` reported at its end.

    Raises:
        JobFailed: It wrote no report.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        raise JobFailed(f"{name} wrote no report")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def webcam(clip: Path, device: str, folder: Path) -> Program:
    """Show `clip`, MJPEG, at `device` for ever, at the clip's own rate, as a webcam would."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(clip)]
    return Program([*command, "-c", "copy", "-f", "v4l2", device], folder / "webcam.log")


def wait_until_readable(device: str, feeder: Program, within_s: float) -> None:
    """Wait until `device` offers pictures.

    Raises:
        JobFailed: It never does, or the feeder has ended.
    """
    end = time.monotonic() + within_s
    while time.monotonic() < end and feeder.process.poll() is None:
        try:
            if loopback.query(device).capture and loopback.format_size(os.path.basename(device)):
                return
        except OSError:
            # Between two states the driver may refuse.
            pass
        time.sleep(0.02)
    raise JobFailed(f"{device} offers no pictures after {within_s:g} s. {feeder.log.stem} said: {feeder.said[-500:]}")


def wait_until_open(device: str, feeder: Program, within_s: float) -> int:
    """Wait until `feeder` has `device` open, and return when, monotonic ns.

    Raises:
        JobFailed: It never has.
    """
    descriptors = Path(f"/proc/{feeder.process.pid}/fd")
    end = time.monotonic() + within_s
    while time.monotonic() < end and feeder.process.poll() is None:
        if device in {_target(link) for link in descriptors.iterdir()}:
            return time.monotonic_ns()
        time.sleep(0.01)
    raise JobFailed(f"{feeder.log.stem} did not open {device} within {within_s:g} s and said: {feeder.said[-500:]}")


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        # Closed meanwhile.
        return ""
