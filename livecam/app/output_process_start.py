"""Starts an output process and waits until it listens."""

import logging
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from livecam.app.output_process_wire import READY, Plan
from livecam.errors import SinkLost

log = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-m", "livecam.app.output_process_child")

_START_S: Final = 20.0
_LAST_WORDS: Final = 2000


@dataclass(frozen=True, slots=True)
class Started:
    """An output process that this process started."""

    process: subprocess.Popen[bytes]

    def reap(self) -> None:
        """Let the system forget it, if it has ended."""
        try:
            self.process.wait(0.05)
        except subprocess.TimeoutExpired:
            log.debug("The output process %d is still ending.", self.process.pid)


def start(command: Sequence[str], plan: Plan, meanwhile: Callable[[], None]) -> Started:
    """Start one, in a session of its own, so that neither Ctrl-C nor a closed terminal ends it.

    Raises:
        SinkLost: It did not begin to listen.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as pipe:
            pipe.write(plan.to_text().encode())
        with process.stdout as pipe:
            line = _line(pipe, meanwhile)
        if line == READY:
            return Started(process)
        process.kill()
        process.wait()
        errors.seek(0)
        log.debug("The output process said: %s", errors.read()[-_LAST_WORDS:].decode(errors="replace"))
    raise SinkLost("The output process could not start" + (f": {line}" if line else "."))


def _line(pipe: IO[bytes], meanwhile: Callable[[], None]) -> str:
    """Its first line; empty when it ended or was silent for too long."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if select.select([pipe], [], [], 0.1)[0]:
            return pipe.readline().decode(errors="replace").strip()
        meanwhile()
    return ""
