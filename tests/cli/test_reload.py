"""A whole livecam in a process of its own: told what to do over its socket, and reloaded by a signal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.control.client import order
from tests.cli.patient import patient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix sockets, and no such signal"),
]


@pytest.fixture
def livecam(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    (tmp_path / "livecam.toml").write_text("[face]\nshape = 0.3\nsteadiness = 0.1\n")
    command = [*patient(), "run", "--config", str(tmp_path / "livecam.toml"), "--no-hotkeys"]
    command += ["--source", "synthetic?noise=0", "--size", "320x240", "--sink", "memory", "--passthrough", "--no-tty"]
    command += ["--steadiness", "0.9", "--control-socket", str(tmp_path / "ctl.sock"), "--log-level", "info"]
    command += ["--recordings", str(tmp_path / "recordings"), "--log-file", str(tmp_path / "log")]
    environment = os.environ | {"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def said(path: Path, line: str, expected: str) -> str:
    """The answer, once it has `expected` in it."""
    deadline, answer = time.monotonic() + 90, ""
    while expected not in answer and time.monotonic() < deadline:
        answer = order(path, line).said if path.exists() else ""
        time.sleep(0.05)
    assert expected in answer
    return answer


def test_a_hangup_reloads_and_nothing_is_lost(livecam: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    ctl = tmp_path / "ctl.sock"
    said(ctl, "status", "live")
    around = "[obs]\nhost = 'studio'\n[audio]\nextra_ms = 5\n"
    (tmp_path / "livecam.toml").write_text(f"[face]\nshape = 0.6\nsteadiness = 0.2\n{around}")
    livecam.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while "Reload: Shape 0.6." not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "The scenes of OBS are not followed. No microphone is delayed." in (tmp_path / "log").read_text()
    answer = order(ctl, "status")
    assert '"shape": 0.6' in answer.line
    assert '"steadiness": 0.9' in answer.line, "a flag goes before the file"
    (tmp_path / "livecam.toml").write_text("[face]\nshap = 1\n")
    refused = order(ctl, "reload")
    assert not refused.ok
    assert "livecam.toml:2 has an unknown key 'shap'" in refused.said
    said(ctl, "snapshot", "Kept as")
    assert "Recording to" in order(ctl, "record start").said
    livecam.send_signal(signal.SIGTERM)
    assert livecam.wait(90) == 0
    kept = sorted(path.suffix for path in (tmp_path / "recordings").iterdir())
    assert kept == [".mp4", ".png"], "a recording is ended in order with the run"
