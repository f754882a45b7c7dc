"""Real keys on a real display: Xvfb, xdotool and pynput, while another window has the focus."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from livecam.control.client import order

MISSING = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
if sys.platform != "linux" or MISSING or find_spec("pynput") is None:
    why = MISSING or ["pynput: make test-keys"]
    pytest.skip(f"real keys need X11 with {' and '.join(why)}", allow_module_level=True)

pytestmark = pytest.mark.hardware

DAEMON = """
import sys, time
from pathlib import Path
from livecam.config import USUAL
from livecam.control.chords import bindings
from livecam.control.desk import Desk
from livecam.control.hotkeys import Hotkeys, desktop_keys
from livecam.control.server import ControlServer
from tests.control.pretend import PretendPort
bound = bindings([("<ctrl>+<alt>+2", "favourite 2"), ("<f9>", "hold")], USUAL)
desk = Desk(PretendPort())
server, hotkeys = ControlServer(desk, Path(sys.argv[1])), Hotkeys(bound, desk, desktop_keys(bound))
hotkeys.start()
server.start()
sys.stdin.read()
hotkeys.stop()
server.stop()
"""

WINDOW = """
import sys, time
from Xlib import X, XK
from Xlib.display import Display
display = Display()
screen = display.screen()
window = screen.root.create_window(0, 0, 200, 100, 0, screen.root_depth, event_mask=X.KeyPressMask | X.ExposureMask)
window.map()
while display.next_event().type != X.Expose:
    pass
window.set_input_focus(X.RevertToParent, X.CurrentTime)
display.sync()
print("ready", flush=True)
while True:
    event = display.next_event()
    if event.type == X.KeyPress:
        print(XK.keysym_to_string(display.keycode_to_keysym(event.detail, 0)), flush=True)
"""


class Desktop:
    def __init__(self, environment: Mapping[str, str], path: Path, daemon: "subprocess.Popen[str]") -> None:
        self.environment = environment
        self.path = path
        self.daemon = daemon

    def xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.environment, check=True, timeout=120)

    def now(self) -> dict[str, object]:
        now = json.loads(order(self.path, "status").line)["now"]
        assert isinstance(now, dict)
        return now

    def hears(self) -> bool:
        """pynput does not say when it hears: ask until it does."""
        self.xdotool("key", "ctrl+alt+p")
        time.sleep(0.2)
        return self.now()["panic"] is True

    def becomes(self, name: str, value: object) -> bool:
        return eventually(lambda: self.now()[name] == value)


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@pytest.fixture
def display() -> Iterator[str]:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with open(read) as stream:
        number = stream.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(60)


@pytest.fixture
def desktop(display: str, tmp_path: Path) -> Iterator[Desktop]:
    hidden = {"WAYLAND_DISPLAY", "XDG_SESSION_TYPE"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"DISPLAY": display}
    path = tmp_path / "c.sock"
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(path)], env=environment, stdin=subprocess.PIPE, text=True
    )
    try:
        assert eventually(path.exists)
        made = Desktop(environment, path, daemon)
        assert eventually(made.hears)
        made.xdotool("key", "ctrl+alt+r")
        assert made.becomes("panic", False)
        yield made
    finally:
        daemon.communicate("", timeout=120)
    assert daemon.returncode == 0


def test_keys_arrive_while_another_window_has_the_focus(desktop: Desktop) -> None:
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW], env=desktop.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert window.stdout is not None
        assert window.stdout.readline() == "ready\n"
        desktop.xdotool("key", "x")
        assert window.stdout.readline() == "x\n", "the other window has the focus"
        desktop.xdotool("key", "ctrl+alt+n")
        assert desktop.becomes("persona", "ann")
        desktop.xdotool("key", "ctrl+alt+b")
        assert desktop.becomes("persona", "nobody")
        desktop.xdotool("key", "ctrl+alt+p")
        assert desktop.becomes("panic", True)
        desktop.xdotool("key", "ctrl+alt+r")
        assert desktop.becomes("panic", False)
    finally:
        window.kill()
        window.wait(60)


def test_other_keys_do_nothing(desktop: Desktop) -> None:
    before = desktop.now()
    for keys in ("p", "ctrl+p", "alt+p", "ctrl+alt+shift+p", "ctrl+alt+x"):
        desktop.xdotool("key", keys)
    time.sleep(0.2)
    assert desktop.now() == before


def test_a_held_key_covers_without_flicker_until_it_is_let_go(desktop: Desktop) -> None:
    desktop.xdotool("keydown", "ctrl", "keydown", "alt", "keydown", "h")
    assert desktop.becomes("holding", True)
    covered = desktop.now()["revision"]
    for _ in range(20):  # past the delay after which X repeats keys
        time.sleep(0.05)
        assert (desktop.now()["panic"], desktop.now()["revision"]) == (True, covered)
    desktop.xdotool("keyup", "h", "keyup", "alt", "keyup", "ctrl")
    assert desktop.becomes("panic", False)


def test_a_favourite_is_one_key_away(desktop: Desktop) -> None:
    desktop.xdotool("key", "ctrl+alt+2")
    assert desktop.becomes("persona", "bob")


def test_a_single_key_pushed_to_hold(desktop: Desktop) -> None:
    desktop.xdotool("keydown", "F9")
    assert desktop.becomes("holding", True)
    desktop.xdotool("key", "ctrl+alt+2")
    assert desktop.becomes("persona", "bob")
    assert desktop.now()["holding"] is True
    desktop.xdotool("keyup", "F9")
    assert desktop.becomes("panic", False)


def test_a_repeated_next_is_one_step(desktop: Desktop) -> None:
    desktop.xdotool("keydown", "ctrl", "keydown", "alt", "keydown", "n")
    time.sleep(1)
    desktop.xdotool("keyup", "n", "keyup", "alt", "keyup", "ctrl")
    assert desktop.becomes("persona", "ann")


def test_a_display_that_does_not_answer_is_a_sentence() -> None:
    code = "from livecam.control.hotkeys import desktop_keys; desktop_keys({}, {'DISPLAY': ':9999'})"
    environment = {**os.environ, "DISPLAY": ":9999"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "LivecamError: There are no hotkeys here:" in done.stderr
