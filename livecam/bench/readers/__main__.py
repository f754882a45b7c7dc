"""The reader process: an address on standard input, a line for every picture on standard output.

A process of its own, so that it shares no interpreter lock with the daemon and gets its pictures as an application
would. It ends when it is told to (SIGTERM), and when its standard input does: whoever asked for it has died.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn, cast

import cv2

from livecam.bench.readers.address import Address, Open
from livecam.core.arrival import Arrival, Stamp, to_line
from livecam.core.stamp import read_stamp
from livecam.errors import LivecamError

READERS: Final[Mapping[str, str]] = {
    "v4l2": "livecam.bench.readers.v4l2",
    "pipewire": "livecam.bench.readers.pipewire",
    "web": "livecam.bench.readers.web",
}
"""Each module has a ``read(address) -> Reading``."""


def main() -> int:
    """Read until told to end; the exit code."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A reader that takes all cores would slow the daemon it measures.
    cv2.setNumThreads(1)
    address = Address.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_input, name="livecam-input", daemon=True).start()
    read = cast(Open, vars(import_module(READERS[address.kind]))["read"])
    try:
        for arrived_ns, image in read(address):
            found = read_stamp(image)
            sys.stdout.write(to_line(Arrival(arrived_ns, Stamp(*found) if found else None)) + "\n")
            sys.stdout.flush()
    except LivecamError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 0
    return 0


def _end_with_input() -> None:
    # Not sys.stdin, whose lock a thread that waits in it would hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
