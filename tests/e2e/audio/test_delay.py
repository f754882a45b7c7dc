"""The microphone is as late as it is told to be, follows, and leaves nothing behind: in PipeWire and in PulseAudio."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from livecam.control.audio import pulse
from livecam.control.audio.keeper import Keeper, alone
from livecam.control.audio.microphone import DelayedMicrophone
from livecam.control.audio.names import SOURCE
from tests.e2e.audio.sounds import Ear, lateness_ms, play
from tests.e2e.pipewire.session import Session, lacking

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOLERANCE_MS = 15.0
"""Both servers work in blocks of up to 10 ms, and so does what listens here."""


@contextmanager
def pulseaudio(folder: Path) -> Iterator[dict[str, str]]:
    runtime = folder / "run"
    (runtime / "pulse").mkdir(mode=0o700, parents=True)
    runtime.chmod(0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "HOME": str(folder)}
    options = ("-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", "module-native-protocol-unix")
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(["pulseaudio", *options], env=environment, stderr=log)
    try:
        until((runtime / "pulse" / "native").exists)
        yield environment
    finally:
        child.terminate()
        child.wait(60)


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(params=["pipewire", "pulseaudio"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A sound server with one microphone, called `testmic`, into which `mouth` speaks; this process is its client."""
    program = {"pipewire": "pipewire-pulse"}.get(request.param, request.param)
    absent = [name for name in (program, "pactl", "pacat") if shutil.which(name) is None]
    reason = f"{', '.join(absent)} absent" if absent else lacking() if request.param == "pipewire" else ""
    if reason:
        pytest.skip(f"{reason}; on Debian: apt-get install -y pulseaudio pipewire-pulse pulseaudio-utils")
    with (
        tempfile.TemporaryDirectory(prefix="pw-", ignore_cleanup_errors=True) as name,
        started(request.param, Path(name)) as environment,
    ):
        for key in ("XDG_RUNTIME_DIR", "HOME"):
            monkeypatch.setenv(key, environment[key])
        pulse.load("module-null-sink", sink_name="mouth")
        pulse.load("module-remap-source", master="mouth.monitor", source_name="testmic")
        yield environment


@contextmanager
def started(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    if kind == "pulseaudio":
        with pulseaudio(folder) as environment:
            yield environment
        return
    with Session(folder) as session:
        ready = Path(session.environment["XDG_RUNTIME_DIR"]) / "pulse" / "native"
        session.start("pipewire-pulse", until=ready.exists)
        yield session.environment


def settles_at(delay_ms: float, environment: dict[str, str]) -> None:
    """The delayed microphone hears so much later; a server that had no processor time for a moment may catch up."""
    heard = [heard_ms(environment)]
    while abs(heard[-1] - delay_ms) > TOLERANCE_MS and len(heard) < 4:
        heard.append(heard_ms(environment))
    assert heard[-1] == pytest.approx(delay_ms, abs=TOLERANCE_MS), heard


def heard_ms(environment: dict[str, str], clicks: int = 5) -> float:
    """How much later than the real microphone the delayed one hears."""
    with Ear(environment, "testmic") as real, Ear(environment, SOURCE) as delayed:
        time.sleep(0.5)
        play(environment, "mouth", clicks)
        time.sleep(1.0)
    assert len(real.clicks) == clicks
    return lateness_ms(real.clicks[-3:], delayed.clicks)


def test_it_is_as_late_as_the_picture_and_follows_it(server: dict[str, str]) -> None:
    stop = threading.Event()
    measured = [60.0]
    told: list[str] = []
    keeper = Keeper(DelayedMicrophone("", stop), lambda: measured[0], 20.0, told.append)
    keeper.make()
    thread = threading.Thread(target=keeper.keep, args=(stop,))
    thread.start()
    try:
        assert "testmic" in told[0]
        settles_at(70.0, server)  # until measured: 50 and the extra
        measured[0] = 230.0
        until(lambda: len(told) == 2)
        settles_at(250.0, server)
    finally:
        stop.set()
        thread.join(60)
    assert "livecam" not in pulse.ask("list", "short", "modules") + pulse.ask("list", "short", "sources")


def test_a_killed_one_is_found_and_removed(server: dict[str, str], tmp_path: Path) -> None:
    lines = (
        "import threading, time",
        "from livecam.control.audio.keeper import alone",
        "from livecam.control.audio.microphone import DelayedMicrophone",
        "with alone():",
        "    DelayedMicrophone('testmic', threading.Event()).make(100.0)",
        "    print('made', flush=True)",
        "    time.sleep(600)",
    )
    child = subprocess.Popen([sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "made\n"
        with pytest.raises(pulse.SoundError, match="Another livecam"), alone():
            pass
    finally:
        child.kill()
        child.wait()
    assert SOURCE in pulse.ask("list", "short", "sources")
    microphone = DelayedMicrophone("testmic", threading.Event())
    with alone():
        microphone.make(100.0)
        assert microphone.stands()
        assert pulse.ask("list", "short", "sources").count(f"\t{SOURCE}\t") == 1
        microphone.remove()
    assert SOURCE not in pulse.ask("list", "short", "sources")
    assert not microphone.stands()
