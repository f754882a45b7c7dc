"""Keys to orders, with a pretend keyboard; and what is said where there can be none."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from livecam.config import USUAL
from livecam.control import chords
from livecam.control import hotkeys as hotkeys_module
from livecam.control.chords import bindings
from livecam.control.desk import Desk
from livecam.control.hotkeys import Hotkeys, desktop_keys, shortcuts
from livecam.control.pynput_keys import PynputKeys
from livecam.core.frame import NS_PER_S
from livecam.errors import ExtraMissing, LivecamError
from tests.control.pretend import PretendKeys, PretendPort

BOUND = bindings(USUAL)


class Rig:
    def __init__(self) -> None:
        self.port = PretendPort()
        self.keys = PretendKeys()
        self.hotkeys = Hotkeys(BOUND, Desk(self.port), self.keys)
        self.hotkeys.start()

    def tap(self, key: str) -> None:
        self.keys.press("ctrl", "alt", key)
        self.keys.release(key, "alt", "ctrl")
        time.sleep(0.1)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.hotkeys.stop()
    assert made.keys.stopped


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


def test_panic_is_in_force_before_the_key_is_handed_on(rig: Rig) -> None:
    rig.keys.press("ctrl", "alt", "p")
    assert rig.port.cell.current.panic
    rig.keys.release("p", "alt", "ctrl")
    time.sleep(0.1)
    rig.tap("r")
    assert eventually(lambda: not rig.port.cell.current.panic)


def test_a_held_key_covers_until_it_is_let_go(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.keys.press("ctrl", "alt", "h")
    assert rig.port.cell.current.holding
    with monkeypatch.context() as patch:
        # Nothing between a release and a press takes so long, however busy the machine is.
        patch.setattr(chords, "REPEAT_NS", 60 * NS_PER_S)
        for _ in range(10):
            rig.keys.release("h")
            rig.keys.press("h")
            time.sleep(0.01)
    assert rig.port.cell.current.revision == 1
    rig.keys.release("h")
    assert eventually(lambda: not rig.port.cell.current.panic)
    assert rig.port.cell.current.revision == 2


def test_next_and_previous_change_the_persona(rig: Rig) -> None:
    rig.tap("n")
    assert eventually(lambda: rig.port.cell.current.persona == "ann")
    rig.tap("b")
    assert eventually(lambda: rig.port.cell.current.persona == "nobody")


@pytest.mark.parametrize("line", ["next", "persona ann", "favourite 1"])
def test_a_persona_in_the_making_keeps_no_panic_waiting(rig: Rig, line: str) -> None:
    rig.port.making.clear()
    try:
        for _ in range(20):  # more than are remembered
            rig.hotkeys._say([line])
        rig.keys.press("ctrl", "alt", "p")
        assert rig.port.cell.current.panic
    finally:
        rig.port.making.set()


@pytest.mark.parametrize("line", ["snapshot", "reload", "preset quality", "source camera:1", "sink add web"])
def test_a_deed_that_takes_its_time_keeps_no_panic_waiting(
    rig: Rig, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, over = threading.Event(), threading.Event()

    def wait(*_: object) -> str:
        busy.set()
        assert over.wait(60)
        return "Done."

    monkeypatch.setattr(rig.port, line.split(maxsplit=1)[0], wait)
    try:
        rig.hotkeys._say([line])
        assert busy.wait(60)
        rig.keys.press("ctrl", "alt", "p")
        assert rig.port.cell.current.panic
    finally:
        over.set()


def test_what_keys_cannot_do_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    port = PretendPort()
    keys = PretendKeys()
    made = Hotkeys(bindings([("<f9>", "persona eve")]), Desk(port), keys)
    made.start()
    try:
        with caplog.at_level(logging.WARNING):
            keys.press("f9")
            assert eventually(lambda: "There is no persona 'eve'" in caplog.text)
    finally:
        made.stop()


def test_the_end_of_the_keyboard_is_told_once(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hotkeys_module, "_LOOK_S", 0.02)
    rig.keys.trouble = "No hotkeys any more."
    rig.tap("p")
    assert eventually(lambda: "No hotkeys any more." in caplog.text)
    time.sleep(0.1)
    assert caplog.text.count("No hotkeys any more.") == 1


def test_nothing_is_followed_after_the_end(rig: Rig) -> None:
    rig.hotkeys.stop()
    rig.keys.press("ctrl", "alt", "p")
    assert not rig.port.cell.current.panic


@pytest.mark.skipif(sys.platform != "linux", reason="about X11 and Wayland")
@pytest.mark.parametrize(
    "environment", [{"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, {"XDG_SESSION_TYPE": "wayland"}]
)
def test_wayland_is_told_with_the_shortcuts_to_set(environment: dict[str, str]) -> None:
    with pytest.raises(LivecamError) as caught:
        desktop_keys(BOUND, environment)
    assert "Ctrl+Alt+P runs `livecam ctl panic`" in str(caught.value)
    assert "Ctrl+Alt+N runs `livecam ctl next`" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="about X11")
def test_no_display_is_a_sentence() -> None:
    with pytest.raises(LivecamError, match="There is no display"):
        desktop_keys(BOUND, {})


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotkeys_module, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"livecam\[hotkeys\]"):
        desktop_keys(BOUND, {"DISPLAY": ":0"})


def test_a_hold_is_no_shortcut_of_a_desktop() -> None:
    assert (
        shortcuts(bindings([("<f9>", "hold"), ("<f8>", "release"), ("<f7>", "next")])) == "F7 runs `livecam ctl next`"
    )


def test_favourites_are_told_by_the_first() -> None:
    bound = bindings([("<f1>", "favourite 1"), ("<f2>", "favourite 2"), ("<f7>", "next")])
    assert shortcuts(bound) == "F7 runs `livecam ctl next`; F1 runs `livecam ctl favourite 1`, and so on"


class FakeKey:
    def __init__(self, name: str) -> None:
        self.name = name


class FakeCode:
    def __init__(self, char: str | None) -> None:
        self.char = char


class FakeListener:
    """As pynput's, without a display."""

    IS_TRUSTED = False

    def __init__(self, on_press: Callable[[object], None], on_release: Callable[[object], None]) -> None:
        self.on_press, self.on_release = on_press, on_release
        self.daemon = False
        self.alive = False

    def start(self) -> None:
        self.alive = True
        for key in (FakeKey("ctrl_l"), FakeKey("alt_gr"), FakeCode("P"), FakeCode(None), None, FakeKey("f9")):
            self.on_press(key)
        self.on_release(FakeKey("shift_r"))

    def stop(self) -> None:
        self.alive = False

    def is_alive(self) -> bool:
        return self.alive

    def canonical(self, key: FakeCode) -> FakeCode:
        return key


@pytest.fixture
def fake_pynput(monkeypatch: pytest.MonkeyPatch) -> None:
    package, keyboard = ModuleType("pynput"), ModuleType("pynput.keyboard")
    vars(keyboard).update(Key=FakeKey, Listener=FakeListener)
    monkeypatch.setitem(sys.modules, "pynput", package)
    monkeypatch.setitem(sys.modules, "pynput.keyboard", keyboard)


@pytest.mark.usefixtures("fake_pynput")
def test_pynput_keys_have_the_names_of_chords(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, bool]] = []
    keys = PynputKeys()
    assert keys.problem() == ""
    keys.start(lambda key, down: heard.append((key, down)))
    assert heard == [("ctrl", True), ("alt_gr", True), ("p", True), ("f9", True), ("shift", False)]
    assert keys.problem() == ""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Accessibility" in keys.problem()
    listener = keys._listener
    assert listener is not None
    listener.stop()
    assert "No hotkeys any more" in keys.problem()
    keys.stop()
    keys.stop()


def test_pynput_that_does_not_load_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynput", None)
    with pytest.raises(LivecamError, match="There are no hotkeys here"):
        PynputKeys()
