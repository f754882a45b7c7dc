"""A desktop session of our own: D-Bus, PipeWire and WirePlumber, and for browsers the camera portal on a screen.

Everything lives in one scratch folder and ends with the `with` block; the machine's own session is never touched.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

PROGRAMS = ("dbus-daemon", "pipewire", "wireplumber", "gst-launch-1.0", "gst-inspect-1.0", "pw-dump")
PORTAL_PROGRAMS = ("Xvfb", "chromium", "dbus-send")
PORTAL = Path("/usr/libexec/xdg-desktop-portal")
PORTAL_GTK = Path("/usr/libexec/xdg-desktop-portal-gtk")
PACKAGES = (
    "dbus pipewire pipewire-bin wireplumber gstreamer1.0-tools gstreamer1.0-pipewire gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good"
)
PORTAL_PACKAGES = "xdg-desktop-portal xdg-desktop-portal-gtk xvfb chromium"
START_S = 60.0


class SessionError(Exception):
    """A part of the session did not come up; with the end of its log."""


def lacking(browser: bool = False) -> str:
    """Why there can be no session here; empty when there can."""
    absent = [name for name in PROGRAMS + (PORTAL_PROGRAMS if browser else ()) if shutil.which(name) is None]
    if browser:
        absent += [path.name for path in (PORTAL, PORTAL_GTK) if not path.exists()]
    if absent:
        packages = f"{PACKAGES} {PORTAL_PACKAGES}" if browser else PACKAGES
        return f"{', '.join(absent)} absent; on Debian: apt-get install -y {packages}"
    if subprocess.run(
        ["gst-inspect-1.0", "--exists", "--atleast-version=0.0", "pipewiresrc"], check=False, capture_output=True
    ).returncode:
        return "GStreamer's pipewiresrc absent; on Debian: apt-get install -y gstreamer1.0-pipewire"
    return ""


class Session:
    """The session.

    Args:
        folder: An empty scratch folder with a short path, since sockets go into it.
        browser: Whether a screen and the camera portal are wanted as well.
    """

    def __init__(self, folder: Path, browser: bool = False) -> None:
        self._folder = folder
        self._browser = browser
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        runtime, home = folder / "run", folder / "home"
        runtime.mkdir(mode=0o700)
        home.mkdir()
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("XDG_", "DBUS_", "PIPEWIRE_", "WAYLAND_", "DISPLAY"))
        }
        self.environment |= {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(runtime),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
            # Which portal backends are asked: the gtk one announces itself for this desktop.
            "XDG_CURRENT_DESKTOP": "GNOME",
            "NO_AT_BRIDGE": "1",
            "GTK_A11Y": "none",
        }

    @property
    def socket(self) -> Path:
        """PipeWire's."""
        return Path(self.environment["XDG_RUNTIME_DIR"]) / "pipewire-0"

    def __enter__(self) -> "Session":
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, child in reversed(self._running):
            child.terminate()
        for _, child in reversed(self._running):
            try:
                child.wait(3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()

    def start(self, *command: str, until: Callable[[], bool] = lambda: True) -> "subprocess.Popen[bytes]":
        """Run a program inside the session, until the session ends; returns once `until` holds.

        Raises:
            SessionError: It ended, or `until` did not hold in a minute.
        """
        name = Path(command[0]).name
        log = self._folder / f"{name}.log"
        with log.open("ab") as stream:
            child = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )
        self._running.append((name, child))
        deadline = time.monotonic() + START_S
        while not until():
            if child.poll() is not None or time.monotonic() > deadline:
                raise SessionError(f"{name} did not come up: {log.read_text(errors='replace')[-800:]}")
            time.sleep(0.02)
        return child

    def ask(self, *command: str, timeout_s: float = 120.0) -> str:
        """Run a program inside the session to its end; what it printed.

        Raises:
            SessionError: It failed.
        """
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if done.returncode:
            raise SessionError(f"{command[0]} failed: {done.stderr[-800:]}")
        return done.stdout

    def cameras(self) -> list[str]:
        """``node.name`` of every camera there is."""
        nodes = (entry.get("info", {}).get("props", {}) for entry in json.loads(self.ask("pw-dump")) if entry)
        return [str(node.get("node.name")) for node in nodes if node.get("media.class") == "Video/Source"]

    def await_camera(self, name: str = "livecam") -> None:
        """Return once there is a camera called `name`.

        Raises:
            SessionError: There was none for a minute.
        """
        deadline = time.monotonic() + START_S
        while name not in self.cameras():
            if time.monotonic() > deadline:
                raise SessionError(f"No camera {name!r} appeared; there are {self.cameras()}.")
            time.sleep(0.05)

    def restart_pipewire(self) -> None:
        """End PipeWire and its manager, as an update does, and start them again."""
        for name, child in self._running:
            if name in ("pipewire", "wireplumber"):
                child.terminate()
                child.wait(60)
        self._running = [entry for entry in self._running if entry[0] not in ("pipewire", "wireplumber")]
        self._start_pipewire()

    def _start(self) -> None:
        runtime = Path(self.environment["XDG_RUNTIME_DIR"])
        if self._browser:
            self._start_screen()
        address = self.environment["DBUS_SESSION_BUS_ADDRESS"]
        bus = ("dbus-daemon", "--session", f"--address={address}", "--nofork", "--nopidfile")
        self.start(*bus, until=(runtime / "bus").exists)
        self._start_pipewire()
        if self._browser:
            self._start_portal()

    def _start_pipewire(self) -> None:
        self.start("pipewire", until=lambda: self._dump_has("PipeWire:Interface:Core"))
        # Only a manager links readers to cameras; it has said hello when it is listed as a client.
        self.start("wireplumber", until=lambda: self._dump_has('"WirePlumber"'))

    def _dump_has(self, text: str) -> bool:
        if not self.socket.exists():
            return False
        done = subprocess.run(
            ["pw-dump"], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return text in done.stdout

    def _start_screen(self) -> None:
        number = self._folder / "display"
        script = 'exec 3>"$0"; exec Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp'
        self.start("sh", "-c", script, str(number), until=lambda: number.exists() and bool(number.read_text().strip()))
        self.environment["DISPLAY"] = f":{number.read_text().strip()}"

    def _start_portal(self) -> None:
        self._allow_cameras()
        self.start(str(PORTAL), "-r", until=self._portal_answers)

    def _allow_cameras(self) -> None:
        """Say yes in advance, for programs outside sandboxes (the empty name), as a user does in the dialog."""
        store = "org.freedesktop.impl.portal.PermissionStore"
        path = "/org/freedesktop/impl/portal/PermissionStore"
        entry = ("string:devices", "boolean:true", "string:camera", "string:", "array:string:yes")
        self._send(store, path, f"{store}.SetPermission", *entry)

    def _portal_answers(self) -> bool:
        portal, path = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
        entry = ("string:org.freedesktop.portal.Camera", "string:IsCameraPresent")
        try:
            self._send(portal, path, "org.freedesktop.DBus.Properties.Get", *entry)
        except SessionError:
            return False
        return True

    def _send(self, destination: str, path: str, method: str, *entries: str) -> Sequence[str]:
        line = ("dbus-send", "--session", "--print-reply", f"--dest={destination}", path, method, *entries)
        return self.ask(*line).splitlines()
