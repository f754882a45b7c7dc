"""Stands in for GStreamer: takes pictures from standard input and writes the newest to a file.

Usage: fake_child.py FRAME_BYTES FILE [MODE]. Modes: take; die (after three pictures, with last words); mute (the same
without words); deaf (never reads, and does not end with its input); refuse (ends at once).
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Not at run time: the child is to start as fast as Python can.
    from collections.abc import Callable

    from livecam.core.frame import Size


def main(size: int, file: Path, mode: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if mode == "refuse":
        print("WARNING: no element\nERROR: it will not\nSetting pipeline to NULL", file=sys.stderr)
        return 1
    while mode == "deaf":
        time.sleep(1)
    taken = 0
    while len(picture := sys.stdin.buffer.read(size)) == size:
        taken += 1
        file.with_suffix(".new").write_bytes(picture)
        file.with_suffix(".new").rename(file)
        if taken == 3 and mode in ("die", "mute"):
            print("ERROR: the daemon hung up" if mode == "die" else "", file=sys.stderr)
            return 7
    return 0


def launch(file: Path, mode: str = "take") -> Callable[[str, Size, float], list[str]]:
    """What starts one that writes to `file`."""

    def line(label: str, size: Size, fps: float) -> list[str]:
        return [sys.executable, "-S", __file__, str(size.width * size.height * 3 // 2), str(file), mode]

    return line


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "take"))
