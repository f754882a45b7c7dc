"""The daemon as a process: signals, exit codes, what is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import pytest

from livecam.core.frame import Image, Size
from livecam.privacy.slate import draw_slate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
SIZE = Size(640, 480)


def start(folder: Path, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "livecam", "run", "--source", "synthetic", "--size", str(SIZE), "--no-tty"]
    command += ["--sink", f"record:{folder / 'out.mp4'}", "--report", str(folder / "report.json"), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until_recorded(folder: Path, size: int = 100_000) -> None:
    """Until the recording holds about two seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "out.mp4").exists() and (folder / "out.mp4").stat().st_size > size:
            return
        time.sleep(0.1)
    pytest.fail("nothing was recorded")


def frames(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_with_the_slate_last(
    number: signal.Signals, tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    process = start(tmp_path)
    wait_until_recorded(tmp_path)
    asked = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    took = time.monotonic() - asked
    assert process.returncode == 0, output
    assert took < 4, f"{took:.1f} s, of which the daemon may take 2 and the interpreter the rest"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["state"] == "stopping"
    slate = draw_slate(SIZE, "One moment, please").astype(np.int16)
    shown = frames(tmp_path / "out.mp4")
    assert np.abs(shown[-1].astype(np.int16) - slate).mean() < 6, "the slate goes out last"
    assert np.abs(shown[0].astype(np.int16) - slate).mean() < 6, "the slate goes out first"
    apart = [np.abs(image.astype(np.int16) - slate).mean() for image in shown]
    assert sum(difference > 20 for difference in apart) > 10, "and the swap in between"


def test_a_second_interrupt_ends_at_once(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    process = start(tmp_path)
    wait_until_recorded(tmp_path)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    process.wait(timeout=20)
    assert process.returncode in (0, 130)
    assert time.monotonic() - asked < 4


def test_a_killed_daemon_leaves_a_recording_that_plays(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    process = start(tmp_path)
    wait_until_recorded(tmp_path)
    process.kill()
    process.wait(timeout=20)
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
    process = start(tmp_path, "--seconds", "8", *flags)
    output, _ = process.communicate(timeout=60)
    if "camera:" in flags[-1]:
        # A camera that is not there may come yet: the slate is sent until the time is over.
        assert process.returncode in (0, 1), output
    else:
        assert process.returncode == code, output
    assert words in output
    assert "Traceback" not in output


def test_every_frame_of_a_run_without_a_network_card(tmp_path: Path, mesh_models: Mapping[str, Path]) -> None:
    """Once the networks are cached, nothing is fetched: proxies and the index point nowhere."""
    environment = os.environ | {"PIP_INDEX_URL": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, "-m", "livecam", "run", "--source", "synthetic", "--sink", "null", "--seconds", "3"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
