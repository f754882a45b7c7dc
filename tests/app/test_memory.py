"""In steady state the live path allocates no full frame, and keeps nothing."""

import gc
import os
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

from livecam.app import Daemon
from livecam.config import load
from livecam.core.frame import Size

SIZE = Size(1280, 720)
FRAME_BYTES = SIZE.width * SIZE.height * 3


def between_frames() -> int:
    """Traced bytes while no frame is being worked on: the least of what was seen over three frames."""
    seen = []
    for _ in range(40):
        seen.append(tracemalloc.get_traced_memory()[0])
        time.sleep(0.005)
    return min(seen)


def test_steady_state_allocates_no_full_frame(mesh_models: Mapping[str, Path]) -> None:
    """Within three seconds of running, traced memory never rises by as much as one I420 picture, half a frame."""
    values = {"source.spec": "synthetic", "source.size": str(SIZE), "source.fps": "6", "output.sinks": "null"}
    # Whoever is traced is slow, and what is given up then frees its memory.
    values["governor.enabled"] = "false"
    daemon = Daemon(load(values, Path(os.devnull), {}).config)
    daemon.start()
    try:
        # Whoever looks seldom has had a look, and has its buffers.
        deadline = time.monotonic() + 30
        while daemon.report().sent["live"] < 66 and time.monotonic() < deadline:
            daemon.check()
            time.sleep(0.1)
        tracemalloc.start()
        gc.collect()
        time.sleep(0.5)
        live = daemon.report().sent["live"]
        tracemalloc.reset_peak()
        before = between_frames()
        time.sleep(3.0)
        after, (_, peak) = between_frames(), tracemalloc.get_traced_memory()
        assert daemon.report().sent["live"] > live + 5, "nothing ran"
    finally:
        tracemalloc.stop()
        daemon.stop()
    assert peak - before < FRAME_BYTES // 2, f"{peak - before} bytes at once"
    assert after - before < 300_000, f"{after - before} bytes kept"
