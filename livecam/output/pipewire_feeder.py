"""Feeding pictures to a child process's standard input, so that whatever befalls the child befalls nobody else."""

import contextlib
import os
import selectors
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Final

import numpy as np

from livecam.core.clock import MonotonicClock
from livecam.core.frame import NS_PER_S, Picture, Size
from livecam.core.ring import LatestRing
from livecam.core.seams import Clock

STUCK_NS: Final = 2 * NS_PER_S
"""A child that took nothing of a picture for that long is given up. pipewiresink 0.3.65 never recovers once a frozen
reader holds all its buffers: it waits for a cycle of the graph that only it could start."""

_WAIT_S: Final = 0.5
_END_WAIT_S: Final = 0.05
_END_S: Final = 0.6
_EXIT_S: Final = 0.6
_PIPE_BYTES: Final = 1 << 20
"""What Linux lets any user have; a 720p picture then needs two writes and not twenty."""
_STDERR_BYTES: Final = 4096
_KEPT_LINES: Final = 20


class Feeder(threading.Thread):
    """A child process and the thread that writes whole pictures to it, the newest winning.

    One thread does everything that could wait (its input may be full, its complaints may come at any time), on
    descriptors that never block. When this process dies, even by kill -9, the kernel closes the only writing end of the
    child's input, and it reads end of file; one that hangs and reads no more is ended by the kernel's death signal.
    That signal is tied to the *thread* that started the child, so this one starts it, and outlives it.

    Args:
        command: Program and arguments. It must end when its input does.
        environment: Of the child.
        size: Of all pictures.
        lifeline: A connection that ends with the session the child serves. pipewiresink 0.3.65 does not notice that
            end and goes on taking pictures for nobody. Owned from here on, once this returns.
        clock: Where time comes from.

    Raises:
        OSError: The program cannot be started.

    Attributes:
        problem: Why it takes no more pictures; empty while it does.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        size: Size,
        lifeline: socket.socket | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(name="livecam-pipewire", daemon=True)
        self._clock = clock or MonotonicClock()
        self._ring: LatestRing[Picture] = LatestRing(lambda: np.empty(size.picture_shape, dtype=np.uint8))
        self._left = memoryview(b"")
        self._lines: list[str] = []
        self._rest = b""
        self._moved_ns = self._clock.now_ns()
        self._end_ns: int | None = None
        self._written = 0
        self._willing = True
        self.problem = ""
        self._command, self._environment, self._lifeline = command, environment, lifeline
        self._launched: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()
        self._bell, self._ringer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.start()
        launched = self._launched.get()
        if isinstance(launched, OSError):
            self.join()
            os.close(self._ringer)
            raise launched
        self._child = launched

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._child.pid

    @property
    def dropped(self) -> int:
        """How many pictures the child was too slow for. Any thread; exact while no picture waits."""
        return self._ring.skipped

    @property
    def written(self) -> int:
        """How many pictures the child was given whole. Any thread."""
        return self._written

    def offer(self, picture: Picture) -> None:
        """Copy `picture`, (H * 3 / 2, W) u8 I420, for the child, in place of one it has not begun. Never waits."""
        np.copyto(self._ring.reserve(), picture)
        self._ring.publish()
        self._wake()

    def end(self) -> bool:
        """Give the child its last picture, end its input and wait for it, at most 1.3 s, then kill it.

        Returns:
            True when it ended by itself.
        """
        self._end_ns = self._clock.now_ns() + int(_END_S * NS_PER_S)
        self._wake()
        self.join()
        os.close(self._ringer)
        return self._willing

    def run(self) -> None:
        """Start the child; feed it until told to end, or until it dies or hangs; see it out."""
        try:
            child = _started(self._command, self._environment)
        except OSError as error:
            os.close(self._bell)
            self._launched.put(error)
            return
        self._child = child
        self._launched.put(child)
        try:
            while self._step():
                pass
        finally:
            self._willing = _seen_out(child)
            os.close(self._bell)
            if self._lifeline is not None:
                self._lifeline.close()

    def _step(self) -> bool:
        """Wait for something to do, and do it; False at the end."""
        if not self._left and (picture := self._ring.take()) is not None:
            self._left = picture.data.cast("B")
            self._moved_ns = self._clock.now_ns()
        ready = self._ready(self._left.nbytes > 0)
        if "bell" in ready:
            os.read(self._bell, 512)
        if "stderr" in ready and not self._read():
            return self._died()
        if "stdin" in ready and not self._write():
            return self._died()
        if "lifeline" in ready and not self._holds():
            self.problem = "has lost its PipeWire session"
            return False
        return self._goes_on()

    def _ready(self, writing: bool) -> set[str]:
        assert self._child.stdin is not None
        assert self._child.stderr is not None
        with selectors.PollSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ, "bell")
            selector.register(self._child.stderr, selectors.EVENT_READ, "stderr")
            if self._lifeline is not None:
                selector.register(self._lifeline, selectors.EVENT_READ, "lifeline")
            if writing:
                selector.register(self._child.stdin, selectors.EVENT_WRITE, "stdin")
            wait_s = _WAIT_S if self._end_ns is None else _END_WAIT_S
            return {key.data for key, _ in selector.select(wait_s)}

    def _holds(self) -> bool:
        """Whether the session is still there, when it has something to say or is gone."""
        try:
            return self._lifeline is None or bool(self._lifeline.recv(_STDERR_BYTES))
        except OSError:
            return False

    def _read(self) -> bool:
        """Take what the child complains of; False when it has closed that, which is to say, ended."""
        assert self._child.stderr is not None
        data = os.read(self._child.stderr.fileno(), _STDERR_BYTES)
        *lines, self._rest = (self._rest[-_STDERR_BYTES:] + data).split(b"\n")
        self._lines.extend(text for line in lines if (text := line.decode(errors="replace").strip()))
        del self._lines[:-_KEPT_LINES]
        return bool(data)

    def _write(self) -> bool:
        assert self._child.stdin is not None
        try:
            count = os.write(self._child.stdin.fileno(), self._left)
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        self._left = self._left[count:]
        self._moved_ns = self._clock.now_ns()
        self._written += not self._left
        return True

    def _goes_on(self) -> bool:
        now_ns = self._clock.now_ns()
        if self._end_ns is not None and now_ns >= self._end_ns:
            return False
        if self._left and now_ns - self._moved_ns > STUCK_NS:
            self.problem = f"has taken nothing for {STUCK_NS // NS_PER_S} s"
            return False
        return self._end_ns is None or bool(self._left) or self._ring.published > self._taken

    @property
    def _taken(self) -> int:
        return self._ring.taken + self._ring.skipped

    def _died(self) -> bool:
        """Note why; always False."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_WAIT_S)
        while self._drain():
            pass
        self.problem = f"ended: {self._last_words()}"
        return False

    def _drain(self) -> bool:
        try:
            return self._read()
        except BlockingIOError:
            return False

    def _last_words(self) -> str:
        """The last line that calls itself an error, else the last line, else how it ended."""
        lines = [*self._lines, *([self._rest.decode(errors="replace").strip()] if self._rest.strip() else [])]
        errors = [line for line in lines if line.startswith("ERROR")]
        if lines:
            return (errors or lines)[-1]
        status = self._child.returncode
        return f"killed by signal {-status}" if status is not None and status < 0 else f"exit status {status}"

    def _wake(self) -> None:
        # A full bell has been rung often enough.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._ringer, b"\0")


def _started(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    guard = shutil.which("setpriv")
    child = subprocess.Popen(
        [guard, "--pdeathsig", "KILL", "--", *command] if guard else command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment,
        # Ctrl-C at the terminal is the daemon's business; the child ends after the last slate, not before.
        start_new_session=True,
    )
    for stream in (child.stdin, child.stderr):
        assert stream is not None
        os.set_blocking(stream.fileno(), False)
    _widen(child)
    return child


def _widen(child: "subprocess.Popen[bytes]") -> None:
    if sys.platform != "linux" or child.stdin is None:
        return
    import fcntl  # Unix only

    # Refused where the user's share of pipe memory is used up; smaller writes then do as well.
    with contextlib.suppress(OSError):
        fcntl.fcntl(child.stdin.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _seen_out(child: "subprocess.Popen[bytes]") -> bool:
    """End its input and wait for its end, then insist; True when it ended by itself."""
    for stream in (child.stdin, child.stderr):
        if stream is not None:
            # Closing a pipe nobody reads any more is no news.
            with contextlib.suppress(OSError):
                stream.close()
    try:
        child.wait(_EXIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False
    return True
