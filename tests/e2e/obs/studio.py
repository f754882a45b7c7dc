"""OBS Studio with obs-websocket, in a home of its own and on a screen of its own."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from livecam.control.obs.client import ObsPlace

PACKAGES = "obs-studio xvfb libgl1-mesa-dri"
PASSWORD = "geheim"

_GLOBAL = """[General]
FirstRun=true
EnableAutoUpdates=false
[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=true
ServerPassword={password}
[Basic]
Profile=Untitled
ProfileDir=Untitled
SceneCollection=Untitled
SceneCollectionFile=Untitled
"""
# Newer versions of obs-websocket keep their settings in a file of their own.
_WEBSOCKET = (
    '{{"alerts_enabled": false, "auth_required": true, "first_load": false, "server_enabled": true, '
    '"server_password": "{password}", "server_port": {port}}}'
)
_PROFILE = """[General]
Name=Untitled
[Video]
BaseCX=640
BaseCY=360
OutputCX=640
OutputCY=360
FPSCommon=30
"""


def lacking() -> str:
    """Why there can be no OBS here; empty when there can."""
    absent = [name for name in ("obs", "Xvfb") if shutil.which(name) is None]
    return f"{', '.join(absent)} absent; on Debian: apt-get install -y {PACKAGES}" if absent else ""


@contextmanager
def studio(folder: Path) -> Iterator[ObsPlace]:
    """OBS, running; where it listens. `folder` is empty and has a short path."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    _configure(folder / ".config" / "obs-studio", port)
    (folder / "run").mkdir(mode=0o700)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_"))}
    environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
    with (folder / "log").open("wb") as log:
        number = folder / "display"
        script = 'exec 3>"$0"; exec Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp'
        children = [subprocess.Popen(["sh", "-c", script, str(number)], env=environment, stderr=log)]
        try:
            _until(lambda: number.exists() and bool(number.read_text().strip()))
            environment["DISPLAY"] = f":{number.read_text().strip()}"
            command = ["obs", "--multi", "--disable-updater"]
            children.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            _until(lambda: _listens(port))
            # It listens a little before its scenes are there.
            time.sleep(2.0)
            yield ObsPlace("127.0.0.1", port, PASSWORD)
        finally:
            for child in reversed(children):
                child.terminate()
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def _configure(folder: Path, port: int) -> None:
    files = {
        "global.ini": _GLOBAL.format(port=port, password=PASSWORD),
        "plugin_config/obs-websocket/config.json": _WEBSOCKET.format(port=port, password=PASSWORD),
        "basic/profiles/Untitled/basic.ini": _PROFILE,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
