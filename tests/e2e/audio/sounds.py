"""Clicks played into one end of a sound server, and heard at two others."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

RATE = 48_000
_FORM = ("--format=s16le", f"--rate={RATE}", "--channels=1", "--raw")
_LOUD, _HEARD = 20_000, 5_000
_APART_S = 0.8


def play(environment: Mapping[str, str], sink: str, clicks: int) -> None:
    """Play so many clicks of 10 ms, 0.8 s apart, the first after half of that."""
    sound = np.zeros(int(RATE * _APART_S * clicks), dtype="<i2")
    for number in range(clicks):
        start = int(RATE * _APART_S * (number + 0.5))
        sound[start : start + RATE // 100] = _LOUD
    command = ["pacat", "--playback", "-d", sink, "--latency-msec=20", *_FORM]
    subprocess.run(command, env=dict(environment), input=sound.tobytes(), check=True, timeout=180)


class Ear:
    """Notes when clicks are heard at a source, within the `with` block."""

    def __init__(self, environment: Mapping[str, str], source: str) -> None:
        command = ["pacat", "--record", "-d", source, "--latency-msec=10", *_FORM]
        self._child = subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._bytes = 0
        self.clicks: list[float] = []

    def __enter__(self) -> "Ear":
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._bytes and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()
        self._thread.join(60)

    def _listen(self) -> None:
        assert self._child.stdout is not None
        while data := os.read(self._child.stdout.fileno(), 1 << 16):
            now = time.monotonic()
            self._bytes += len(data)
            samples = np.abs(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int32))
            loud = np.flatnonzero(samples > _HEARD)
            if loud.size:
                began = now - (samples.size - int(loud[0])) / RATE
                if not self.clicks or began - self.clicks[-1] > _APART_S / 2:
                    self.clicks.append(began)


def lateness_ms(early: Sequence[float], late: Sequence[float]) -> float:
    """By how much `late` hears each click of `early` later, the middle of all."""
    shifts = [min((b - a for b in late if b > a - 0.05), default=float("nan")) * 1000 for a in early]
    return median(shift for shift in shifts if shift < _APART_S * 1000)
