"""What the control panel costs a run at 720p: nothing while no page is open, little with both previews.

One daemon swaps the demo face; the panel is away, served to nobody, and served to a page that shows both previews, in
turns, so that what else the machine does falls on all three alike. The page is a plain reader in another process.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.common import Bar, configure, publish
from livecam.app.daemon import CHECK_S, Daemon
from livecam.app.panel import PanelPart
from livecam.app.taps import CameraTap, InputTap
from livecam.config import Paths
from livecam.control.desk import Desk
from tests.control.pretend import PretendPort

COMMAND = "python -m benchmarks panel"
SETTLE_S = 0.5

READER = """
import http.client, json, sys, threading
port, token = int(sys.argv[1]), sys.argv[2]
images = {"input": 0, "output": 0}
def connection():
    return http.client.HTTPConnection("127.0.0.1", port, timeout=20)
entrance = connection()
entrance.request("GET", "/?token=" + token)
cookie = entrance.getresponse().headers["Set-Cookie"].partition(";")[0]
def read(path):
    one = connection()
    one.request("GET", path, headers={"Cookie": cookie})
    answer = one.getresponse()
    assert answer.status == 200, answer.status
    while data := answer.read1(65536):
        for side in images:
            images[side] += data.count(b"Content-Length") if side in path else 0
for path in ("/api/events", "/api/preview/input.mjpg", "/api/preview/output.mjpg"):
    threading.Thread(target=read, args=(path,), daemon=True).start()
sys.stdin.read()
print(json.dumps(images))
"""


@contextmanager
def away(_: PanelPart) -> Iterator[None]:
    """No panel."""
    yield


@contextmanager
def closed(panel: PanelPart) -> Iterator[None]:
    """A panel that nobody looks at."""
    panel.start()
    yield
    panel.stop()


@contextmanager
def opened(panel: PanelPart) -> Iterator[None]:
    """A page with both previews."""
    panel.start()
    address = urlsplit(panel.url)
    command = [sys.executable, "-c", READER, str(address.port), address.query.partition("=")[2]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        started = time.monotonic()
        yield
        shown = json.loads(reader.communicate()[0])
        took = time.monotonic() - started
    panel.stop()
    assert all(images / took > 1 for images in shown.values()), f"The previews stood still: {shown}"


PHASES = (away, closed, opened)


def share(daemon: Daemon, seconds: float) -> tuple[float, float]:
    """Processor time of this process, % of one core, and live pictures a second."""
    before, live, started = time.process_time(), daemon.report().sent["live"], time.monotonic()
    while time.monotonic() - started < seconds:
        daemon.check()
        time.sleep(CHECK_S)
    took = time.monotonic() - started
    return 100 * (time.process_time() - before) / took, (daemon.report().sent["live"] - live) / took


def main(quick: bool) -> None:
    seconds, rounds = (2.0, 3) if quick else (5.0, 8)
    config = configure({"source.spec": "synthetic", "source.size": "1280x720", "output.sinks": "memory"})
    paths, camera = Paths.find(), CameraTap()
    daemon = Daemon(config, paths, wrap_processor=lambda processor: InputTap(processor, camera))
    daemon.start()
    try:
        cpu, fps = _measured(daemon, camera, paths, seconds, rounds)
    finally:
        daemon.stop()
    more = [there - gone for there, gone in zip(cpu["opened"], cpu["away"], strict=True)]
    idle = [there - gone for there, gone in zip(cpu["closed"], cpu["away"], strict=True)]
    bars = [
        Bar("page with both previews at 720p: more processor time, % of one core", 10.0, statistics.median(more)),
        Bar("panel that nobody looks at: more processor time, % of one core", 1.0, statistics.median(idle)),
        Bar(
            "live pictures a second with previews, by those without",
            0.98,
            statistics.median(fps["opened"]) / statistics.median(fps["away"]),
            at_least=True,
        ),
    ]
    publish("panel", COMMAND, bars, {"cpu_percent": cpu, "fps": fps}, quick)


def _measured(
    daemon: Daemon, camera: CameraTap, paths: Paths, seconds: float, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Processor time and live pictures a second in each phase, by its name."""
    _wait_until_live(daemon)
    cpu: dict[str, list[float]] = {phase.__name__: [] for phase in PHASES}
    fps: dict[str, list[float]] = {phase.__name__: [] for phase in PHASES}
    with tempfile.TemporaryDirectory() as folder:
        private = Paths(Path(folder) / "livecam.toml", Path(folder), paths.cache)
        panel = PanelPart(daemon, Desk(PretendPort()), daemon.about, camera, daemon.config, private)
        for _ in range(rounds):
            for phase in PHASES:
                with phase(panel):
                    time.sleep(SETTLE_S)
                    busy, rate = share(daemon, seconds)
                cpu[phase.__name__].append(busy)
                fps[phase.__name__].append(rate)
    return cpu, fps


def _wait_until_live(daemon: Daemon) -> None:
    deadline = time.monotonic() + 60
    while not daemon.report().sent["live"]:
        daemon.check()
        if time.monotonic() > deadline:
            raise TimeoutError("The swap did not start.")
        time.sleep(CHECK_S)
    time.sleep(2.0)
