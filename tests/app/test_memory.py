"""In steady state the live path allocates no full frame, and keeps nothing."""

import gc
import os
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from livecam.app import Daemon
from livecam.config import load
from livecam.core.frame import Size

SIZE = Size(1280, 720)
FRAME_BYTES = SIZE.width * SIZE.height * 3


def between_frames(daemon: Daemon) -> int:
    """Traced bytes while no frame is being worked on: the least of what was seen over two frames."""
    seen: list[int] = []
    live, deadline = daemon.report().sent["live"], time.monotonic() + 60
    while len(seen) < 40 or (daemon.report().sent["live"] < live + 2 and time.monotonic() < deadline):
        seen.append(tracemalloc.get_traced_memory()[0])
        time.sleep(0.005)
    return min(seen)


@pytest.mark.timeout(600)
def test_steady_state_allocates_no_full_frame(mesh_models: Mapping[str, Path]) -> None:
    """In three seconds while frames come, traced memory never rises by as much as one I420 picture, half a frame."""
    values = {"source.spec": "synthetic", "source.size": str(SIZE), "source.fps": "10", "output.sinks": "null"}
    # Whoever is traced is slow, and what is given up then frees its memory.
    values["governor.enabled"] = "false"
    # And what it shows is old: it counts all the same.
    values["privacy.hold_ms"] = "2000"
    daemon = Daemon(load(values, Path(os.devnull), {}).config)
    daemon.start()
    try:
        # Whoever looks seldom has had a look, and has its buffers.
        deadline = time.monotonic() + 240
        while daemon.report().sent["live"] < 66 and time.monotonic() < deadline:
            daemon.check()
            time.sleep(0.1)
        tracemalloc.start()
        gc.collect()
        time.sleep(0.5)
        live = daemon.report().sent["live"]
        tracemalloc.reset_peak()
        before = between_frames(daemon)
        begun, deadline = time.monotonic(), time.monotonic() + 60
        while time.monotonic() < begun + 3 or (
            daemon.report().sent["live"] <= live + 5 and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        after, (_, peak) = between_frames(daemon), tracemalloc.get_traced_memory()
        assert daemon.report().sent["live"] > live + 5, "nothing ran"
    finally:
        tracemalloc.stop()
        daemon.stop()
    assert peak - before < FRAME_BYTES // 2, f"{peak - before} bytes at once"
    assert after - before < 300_000, f"{after - before} bytes kept"
