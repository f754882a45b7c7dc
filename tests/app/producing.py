"""A main process to be killed: ``python -m tests.app.producing CONFIG_JSON``. It paints every picture 200."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from livecam.app import Daemon, Panic, output_process, output_process_start
from livecam.config import Config, load
from livecam.core.cleared import How
from livecam.core.frame import Frame, Picture
from livecam.core.ladder import Tier
from livecam.core.settings import Settings
from tests.app import tracing

PAINT = 200
BASE = {"source.spec": "synthetic?noise=0", "source.size": "320x240", "output.process": "true"}


class Painter:
    """A processor that paints; the camera's picture is never one colour."""

    def process(self, frame: Frame, out: Picture, settings: Settings) -> How:
        out.fill(PAINT)
        return How.SWAPPED

    def reset(self) -> None:
        pass

    def adapt(self, tier: Tier) -> None:
        pass

    def stages(self) -> Mapping[str, int]:
        return {}


def configure(values: Mapping[str, str]) -> Config:
    """A small run through the output process."""
    return load({**BASE, **values}, Path(os.devnull), {}).config


def produce(values: Mapping[str, str]) -> None:
    """Run until a line comes on standard input: ``panic`` goes on, anything else stops."""
    tracing.register()
    output_process_start.COMMAND = tracing.COMMAND  # type: ignore[misc]
    # Nobody is given up who only is slow.
    output_process_start._START_S = output_process._ANSWER_S = 60.0  # type: ignore[misc]
    output_process._STUCK_NS = 60 * 10**9  # type: ignore[misc]
    daemon = Daemon(configure(values), make_processor=Painter)
    daemon.start()
    print("started", flush=True)
    for line in sys.stdin:
        if line.strip() != "panic":
            break
        daemon.submit(Panic())
        print("panicked", flush=True)
    daemon.stop()
    print("stopped", json.dumps(daemon.report().sent), flush=True)


if __name__ == "__main__":
    produce(json.loads(sys.argv[1]))
