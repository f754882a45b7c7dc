"""What is done to the stand-in, by one writer: ``python -m tests.output.shim.child SPEC``; prints JSON.

``noted`` holds what went wrong, ``kept_ms`` how long another thread was kept from running by a send whose write took
`SLOW_MS` (the least of `TRIES`, which end with a short one), ``shows`` how often the pictures were sent until they left
on the beat here (`SHOWS` at most), since others use the machine. Every error is noted as ``[class, text]``, and none as
null.
"""

import errno
import json
import os
import sys
import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from livecam.app.registry import make_sink
from livecam.core.clock import Metronome, MonotonicClock
from livecam.core.frame import NS_PER_MS, NS_PER_S, Picture, Size
from livecam.core.seams import Sink
from livecam.core.spec import SinkWish, parse_spec
from livecam.errors import SinkError
from tests.output.pictures import cleared, plain

SIZE = Size(640, 480)
FPS = 30
PICTURES = 24
SLOW_MS = 150
TRIES = 12
SHOWS = 12
BEAT_MS = 3.0
QUADRANTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
"""Red, green, blue, from the top left by rows."""

Note = list[str] | None


def card(size: Size = SIZE) -> Picture:
    """A test card of four colours, as livecam converts its own."""
    image = np.zeros(size.image_shape, np.uint8)
    rows, columns = (slice(0, size.height // 2), slice(size.height // 2, None)), size.width // 2
    for index, colour in enumerate(QUADRANTS):
        left = columns * (index % 2)
        image[rows[index // 2], left : left + columns] = colour[::-1]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)


def outcome(act: Callable[[], None]) -> Note:
    """What went wrong in `act`."""
    try:
        act()
    except SinkError as error:
        return [type(error).__name__, str(error)]
    return None


def show(sink: Sink) -> float:
    """Send the test card on the beat; how far off it the median step was, ms."""
    picture, metronome, sent_ns = cleared(card()), Metronome(MonotonicClock(), NS_PER_S // FPS), list[int]()
    for _ in range(PICTURES):
        metronome.tick()
        sink.send(picture)
        sent_ns.append(time.monotonic_ns())
    return abs(float(np.median(np.diff(sent_ns))) / NS_PER_MS - 1000 / FPS)


def show_undisturbed(sink: Sink) -> int:
    """`show` until it was on the beat; how often."""
    shows = 1
    while show(sink) > BEAT_MS and shows < SHOWS:
        shows += 1
    return shows


def with_value(name: str, value: int, act: Callable[[], None]) -> Note:
    """What went wrong in `act` while the stand-in was told to fail."""
    os.environ[name] = str(value)
    noted = outcome(act)
    del os.environ[name]
    return noted


def send_for_a_second(sink: Sink) -> None:
    """Long enough for who looks once a second."""
    clock = MonotonicClock()
    end_ns = clock.now_ns() + NS_PER_S + 50 * NS_PER_MS
    while clock.now_ns() < end_ns:
        sink.send(cleared(plain(100, SIZE)))
        clock.sleep_until(clock.now_ns() + 20 * NS_PER_MS)
    sink.send(cleared(plain(100, SIZE)))


def longest_pause_ms(act: Callable[[], None]) -> float:
    """How long, at most, another thread did not run while `act` did."""
    stop, running, pauses = threading.Event(), threading.Event(), []

    def spin() -> None:
        running.set()
        last = time.perf_counter()
        while not stop.is_set():
            now = time.perf_counter()
            pauses.append(now - last)
            last = now

    thread = threading.Thread(target=spin)
    thread.start()
    running.wait()
    time.sleep(0.01)
    act()
    stop.set()
    thread.join()
    return 1000 * max(pauses)


def main(spec: str) -> None:
    """Play everything through."""
    sink, second = (make_sink(parse_spec(spec), SinkWish()) for _ in range(2))
    noted: dict[str, Note] = {}
    for number in (errno.EACCES, errno.EBUSY):
        name = f"open {errno.errorcode[number]}"
        noted[name] = with_value("LIVECAM_SHIM_OPEN_ERRNO", number, lambda: sink.open(SIZE, FPS))
    noted["open"] = outcome(lambda: sink.open(SIZE, FPS))
    shows = show_undisturbed(sink)
    noted["second feeder"] = outcome(lambda: second.open(SIZE, FPS))
    del os.environ["LIVECAM_SHIM_OUT"]
    sink.close()
    noted["restart"] = outcome(lambda: sink.open(SIZE, FPS))
    send = cleared(plain(100, SIZE))
    os.environ["LIVECAM_SHIM_WRITE_MS"] = str(SLOW_MS)
    kept_ms = 1000.0
    for _ in range(TRIES):
        kept_ms = min(kept_ms, longest_pause_ms(lambda: sink.send(send)))
        if kept_ms < SLOW_MS / 2:
            break
    del os.environ["LIVECAM_SHIM_WRITE_MS"]
    noted["write ENOSPC"] = with_value("LIVECAM_SHIM_WRITE_ERRNO", errno.ENOSPC, lambda: sink.send(send))
    noted["write short"] = with_value("LIVECAM_SHIM_WRITE_SHORT", 100, lambda: sink.send(send))
    noted["write ENODEV"] = with_value("LIVECAM_SHIM_WRITE_ERRNO", errno.ENODEV, lambda: send_for_a_second(sink))
    noted["open afterwards"] = outcome(lambda: sink.open(SIZE, FPS))
    print(json.dumps({"noted": noted, "kept_ms": kept_ms, "shows": shows}))


if __name__ == "__main__":
    main(sys.argv[1])
