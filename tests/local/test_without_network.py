"""The whole daemon where there is no network: it swaps, is controlled, records and verifies, and speaks with nobody."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from livecam.control.client import Said, order
from tests.local.apart import ROOT, Heard, apart, environment, internet_calls, traced, why_not
from tests.local.stay import wait_for

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be had"),
    pytest.mark.timeout(900),
]
LIVECAM = [sys.executable, "-m", "livecam"]
SWAPPING_S = 10.0
"""So long it is left alone, so that there is enough in the recording to find the mark in."""

USUAL_START_S = 5.0
"""On a machine that does nothing else it takes 3 to 4 s until it is live."""

COMMAND_S = 300.0
"""Ample for any command."""

ORDERS = [
    "status",
    "blend 0.5",
    "shape 0.4",
    "label off",
    "label on",
    "next",
    "previous",
    "persona nobody",
    "others withhold",
    "others blur",
    "snapshot",
    "record start",
    "panic",
    "resume",
]


class Running:
    """`livecam run` in a namespace, with everything that is written below `folder`."""

    def __init__(self, folder: Path, *flags: str, loopback: bool) -> None:
        self.folder = folder
        self.env = environment(folder, {})
        self.socket = folder / "c.sock"
        command = [
            *LIVECAM,
            "run",
            "--source",
            "synthetic",
            "--size",
            "640x360",
            "--fps",
            "15",
            "--no-tty",
            "--log-level",
            "info",
        ]
        command += ["--preset", "mesh", "--sink", f"record:{folder / 'out.mp4'}", "--seconds", "800"]
        command += ["--control-socket", str(self.socket), "--report", str(folder / "report.json"), *flags]
        self.process = subprocess.Popen(
            apart(traced(command, folder / "calls.txt"), loopback=loopback),
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def order(self, words: str) -> Said:
        """Socket files are reached from outside too: they belong to no network."""
        return order(self.socket, words)

    def order_again(self, words: str) -> Said:
        """The same, repeated as it advises: on a starved machine it may be that no picture is cleared in time."""
        answer, deadline = self.order(words), time.monotonic() + 60
        while not answer.ok and "No picture was cleared" in answer.said and time.monotonic() < deadline:
            answer = self.order(words)
        return answer

    def stopped(self) -> str:
        """What it said, once it has ended in order."""
        whole = psutil.Process(self.process.pid)
        daemon = next(one for one in (whole, *whole.children()) if one.cmdline()[1:4] == ["-m", "livecam", "run"])
        daemon.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=COMMAND_S)
        assert self.process.returncode == 0, said
        assert "Traceback" not in said
        return said

    def until_live(self) -> float:
        """Wait until it is; how many times as long that took as it usually does, at least 1."""
        began = time.monotonic()
        wait_for(self.socket.exists)
        wait_for(lambda: "live," in self.order("status").said)
        return max(1.0, (time.monotonic() - began) / USUAL_START_S)

    def report(self) -> Mapping[str, object]:
        """Of the run."""
        found: Mapping[str, object] = json.loads((self.folder / "report.json").read_text())
        return found


def livecam(folder: Path, *words: str, loopback: bool = False) -> "subprocess.CompletedProcess[str]":
    """Another command without a network."""
    command = apart([*LIVECAM, *words], loopback=loopback)
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder, {}), capture_output=True, text=True, timeout=COMMAND_S, check=False
    )


def assert_nobody_was_spoken_with(folder: Path) -> None:
    heard = Heard.at(folder / "heard.txt")
    assert any("c.sock" in line for line in heard.lines), "the hook heard of the control socket, so it was there"
    assert heard.outward == []
    assert internet_calls(folder / "calls.txt") == []


def test_there_is_nobody_to_speak_with_in_the_namespace() -> None:
    """The test of the test: an address on the Internet and the loopback alike cannot be reached."""
    probe = "import socket; socket.create_connection((sys.argv[1], 9), 2)".replace(
        "import socket", "import socket, sys"
    )
    for address in ("127.0.0.1", "192.0.2.1"):
        command = apart([sys.executable, "-c", probe, address], loopback=False)
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        assert "Network is unreachable" in done.stderr


def test_the_hook_hears_a_connection(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        probe = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 5)"
        subprocess.run([sys.executable, "-c", probe], env=environment(tmp_path, {}), check=True, timeout=COMMAND_S)
    outward = Heard.at(tmp_path / "heard.txt").outward
    assert any("socket.getaddrinfo" in line for line in outward)
    assert any("socket.connect" in line for line in outward)


def test_the_full_run_without_any_interface_swaps_and_speaks_with_nobody(
    tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    running = Running(tmp_path, loopback=False)
    slowness = running.until_live()
    said = {words: running.order_again(words) for words in ORDERS}
    assert [(words, answer.said) for words, answer in said.items() if not answer.ok] == []
    time.sleep(SWAPPING_S * slowness)
    running.stopped()
    swapped = running.report()["published"]
    assert isinstance(swapped, int)
    assert swapped > 50
    assert len(list((tmp_path / "data" / "recordings").iterdir())) == 2, "a snapshot and a recording"
    verified = livecam(tmp_path, "verify", str(tmp_path / "out.mp4"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "Made by this installation" in verified.stdout
    assert_nobody_was_spoken_with(tmp_path)


PANEL = """
import http.client, json, re, sys
url = sys.argv[1]
host, token = re.fullmatch(r"http://([^/]+)/[?]token=(.+)", url).groups()
def ask(method, path, headers, body=None):
    connection = http.client.HTTPConnection(host, timeout=250)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()
cookie = ask("GET", f"/?token={token}", {})[1]["set-cookie"].partition(";")[0]
mine = {"Cookie": cookie, "X-Livecam": "1"}
print(json.dumps({
    "stranger": ask("GET", "/api/words", {})[0],
    "page": ask("GET", "/", mine)[0],
    "order": json.loads(ask("POST", "/api/order", mine, json.dumps({"line": "blend 0.3"}))[2])["ok"],
    "bank": ask("GET", "/api/bank", mine)[0],
    "doctor": ask("GET", "/api/doctor", mine)[0],
    "cameras": ask("GET", "/api/cameras", mine)[0],
}))
"""


@pytest.mark.skipif(shutil.which("nsenter") is None, reason="nsenter, which enters the namespace, is not installed")
def test_with_the_loopback_alone_the_panel_answers_and_nothing_else_is_spoken_with(
    tmp_path: Path, mesh_models: Mapping[str, Path]
) -> None:
    running = Running(tmp_path, "--panel", "--panel-port", "0", "--sink", "web:0", loopback=True)
    running.until_live()
    url = running.order("panel").said.split()[-1]
    inside = ["nsenter", "--target", str(running.process.pid), "--net"]
    inside += [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    asked = subprocess.run(
        [*inside, sys.executable, "-I", "-c", PANEL, url],
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    expected = {"stranger": 401, "page": 200, "order": True, "bank": 200, "doctor": 200, "cameras": 200}
    assert json.loads(asked.stdout) == expected
    running.stopped()
    assert_nobody_was_spoken_with(tmp_path)


@pytest.mark.parametrize("words", [("doctor",), ("models", "list"), ("faces", "list"), ("outputs",), ("cameras",)])
def test_what_only_looks_speaks_with_nobody(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "heard.txt").touch()
    done = livecam(tmp_path, *words)
    assert "Traceback" not in done.stdout + done.stderr
    assert Heard.at(tmp_path / "heard.txt").outward == []


def test_without_networks_in_the_cache_it_says_so_and_sends_nothing(tmp_path: Path) -> None:
    """The one thing that may be fetched: the embedded networks, once; where that fails, nothing is shown instead."""
    running = Running(tmp_path, "--models-dir", str(tmp_path / "none"), loopback=False)
    said, _ = running.process.communicate(timeout=COMMAND_S)
    assert running.process.returncode == 1, said
    assert "Traceback" not in said
    assert "Could not fetch" in said
    assert not (tmp_path / "out.mp4").exists() or running.report()["published"] == 0
