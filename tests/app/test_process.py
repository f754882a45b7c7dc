"""The daemon as a process: signals, exit codes, what is left behind."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from livecam.core.frame import Image, Size
from livecam.privacy.slate import draw_slate

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    pytest.mark.timeout(600),
]
SIZE = Size(640, 480)


def start(folder: Path, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "livecam", "run", "--source", "synthetic", "--size", str(SIZE), "--no-tty"]
    command += ["--sink", f"record:{folder / 'out.mp4'}", "--report", str(folder / "report.json"), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(folder: Path, *flags: str) -> "tuple[subprocess.Popen[str], str]":
    """A run that ends by itself, and what it said."""
    process = start(folder, *flags)
    output, _ = process.communicate(timeout=200)
    return process, output


def wait_until_recorded(folder: Path, size: int = 100_000) -> None:
    """Until the recording holds about two seconds, and the swap is in it."""
    deadline, path = time.monotonic() + 150, folder / "out.mp4"
    while time.monotonic() < deadline:
        if path.exists() and path.stat().st_size > size:
            with suppress(av.FFmpegError):  # its first part is not whole yet
                if unlike_the_slate(frames(path)) > 20:
                    return
        time.sleep(0.1)
    pytest.fail("nothing was recorded")


def unlike_the_slate(shown: list[Image]) -> int:
    """How many pictures are not the slate."""
    slate = draw_slate(SIZE, "One moment, please").astype(np.int16)
    return sum(bool(np.abs(image.astype(np.int16) - slate).mean() > 20) for image in shown)


def slowness() -> float:
    """How many times longer the machine takes for a process now than when it does nothing else, which is 0.4 s."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-m", "livecam", "--version"], check=True, capture_output=True)
    return max(1.0, (time.monotonic() - begun) / 0.4)


def frames(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8) for frame in container.decode(video=0)]


def ended_s(folder: Path, *numbers: signal.Signals) -> float:
    """How long a run takes to end by signals, if nothing else used the machine; the shortest of three."""
    took_s, output = list[float](), ""
    while not took_s or (min(took_s) >= 4 and len(took_s) < 3):
        for left in folder.glob("*"):
            left.unlink()
        process = start(folder)
        wait_until_recorded(folder)
        slow = slowness()
        asked = time.monotonic()
        for number in numbers:
            process.send_signal(number)
        output, _ = process.communicate(timeout=120)
        good = process.returncode in ((0,) if len(numbers) == 1 else (0, 130))
        took_s.append((time.monotonic() - asked) / slow if good else math.inf)
    assert min(took_s) < math.inf, output
    return min(took_s)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_with_the_slate_last(
    number: signal.Signals, tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    took = ended_s(tmp_path, number)
    assert took < 4, f"{took:.1f} s, of which the daemon may take 2 and the interpreter the rest"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["state"] == "stopping"
    slate = draw_slate(SIZE, "One moment, please").astype(np.int16)
    shown = frames(tmp_path / "out.mp4")
    assert np.abs(shown[-1].astype(np.int16) - slate).mean() < 6, "the slate goes out last"
    assert np.abs(shown[0].astype(np.int16) - slate).mean() < 6, "the slate goes out first"
    assert unlike_the_slate(shown) > 10, "and the swap in between"


def test_a_second_interrupt_ends_at_once(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    assert ended_s(tmp_path, signal.SIGINT, signal.SIGINT) < 4


def test_a_killed_daemon_leaves_a_recording_that_plays(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    process = start(tmp_path)
    wait_until_recorded(tmp_path)
    process.kill()
    process.wait(timeout=60)
    assert len(frames(tmp_path / "out.mp4")) > 20


@pytest.mark.parametrize(
    ("flags", "words", "code"),
    [
        (["--persona", "nobdy"], "nobdy", 1),
        (["--source", "file:nowhere.mp4"], "nowhere.mp4", 1),
        (["--source", "camra:0"], "Did you mean camera", 2),
        (["--sink", "recrd:a.mp4"], "Did you mean record", 2),
        (["--size", "1281x720"], "1281x720", 2),
        (["--config", "nowhere.toml"], "nowhere.toml", 2),
        (["--source", "camera:nothing-like-this"], "nothing-like-this", 1),
    ],
)
def test_bad_input_is_one_sentence_and_a_code(
    flags: list[str], words: str, code: int, tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    # A camera that is not there may come yet: the slate is sent until the time is over, which may be short.
    seconds = 2 if "camera:" in flags[-1] else 90
    process, output = ended(tmp_path, "--seconds", str(seconds), *flags)
    if words not in output:
        process, output = ended(tmp_path, "--seconds", "90", *flags)
    if "camera:" in flags[-1]:
        assert process.returncode in (0, 1), output
    else:
        assert process.returncode == code, output
    assert words in output
    assert "Traceback" not in output


def test_every_frame_of_a_run_without_a_network_card(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    """Once the networks are cached, nothing is fetched: proxies and the index point nowhere."""
    environment = os.environ | {"PIP_INDEX_URL": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "livecam", "run", "--source", "synthetic", "--sink", "null", "--seconds", "3"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
