"""Hotkeys that the desktop hands on: a pretended portal at a bus of its own, and real messages."""

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from livecam.config import USUAL
from livecam.control import hotkeys as hotkeys_module
from livecam.control.chords import bindings, chord
from livecam.control.desk import Desk
from livecam.control.hotkeys import Hotkeys, desktop_keys
from livecam.errors import LivecamError
from tests.control.pretend import PretendPort

if sys.platform != "linux" or shutil.which("dbus-daemon") is None or find_spec("jeepney") is None:
    pytest.skip("the portal needs Linux with dbus-daemon and the package jeepney", allow_module_level=True)

from livecam.control import portal as portal_module
from livecam.control.portal import NoPortal, PortalKeys, trigger
from tests.control.pretend_portal import SHORTCUTS, PretendPortal, session_bus

BOUND = bindings([*USUAL[:5], ("<f9>", "persona ann"), ("<f8>", "persona  ann")])
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}


def eventually(true: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, session_bus(Path(folder)) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address


@pytest.fixture
def portal(bus: str) -> Iterator[PretendPortal]:
    made = PretendPortal()
    yield made
    made.close()


class Rig:
    def __init__(self, portal: PretendPortal) -> None:
        self.portal = portal
        self.port = PretendPort()
        self.keys = desktop_keys(BOUND, WAYLAND)
        self.hotkeys = Hotkeys(BOUND, Desk(self.port), self.keys)
        self.hotkeys.start()

    def becomes(self, name: str, value: object) -> bool:
        return eventually(lambda: getattr(self.port.cell.current, name) == value)


@pytest.fixture
def rig(portal: PretendPortal) -> Iterator[Rig]:
    made = Rig(portal)
    assert eventually(lambda: bool(portal.bound))
    yield made
    made.hotkeys.stop()


def test_the_desktop_is_asked_for_every_hotkey_by_what_it_says(rig: Rig) -> None:
    assert list(rig.portal.bound) == ["panic", "resume", "next", "previous", "hold", "persona-ann", "persona-ann-2"]
    assert rig.portal.bound["panic"] == {
        "description": ("s", "livecam panic"),
        "preferred_trigger": ("s", "CTRL+ALT+p"),
    }
    assert rig.portal.asked == ["Register", "Get", "CreateSession", "BindShortcuts"]


def test_what_the_desktop_tells_is_followed(rig: Rig) -> None:
    rig.portal.tell("Activated", "panic")
    assert rig.becomes("panic", True)
    rig.portal.tell("Deactivated", "panic")
    rig.portal.tell("Activated", "resume")
    assert rig.becomes("panic", False)
    rig.portal.tell("Activated", "persona-ann-2")
    assert rig.becomes("persona", "ann")
    assert rig.keys.problem() == ""


def test_a_held_key_covers_until_it_is_let_go_whatever_else_is_pressed(rig: Rig) -> None:
    rig.portal.tell("Activated", "hold")
    assert rig.becomes("holding", True)
    rig.portal.tell("Activated", "next")
    rig.portal.tell("Deactivated", "next")
    assert rig.becomes("persona", "ann")
    time.sleep(0.15)
    assert rig.port.cell.current.holding
    rig.portal.tell("Deactivated", "hold")
    assert rig.becomes("holding", False)


def test_shortcuts_of_others_and_unknown_ones_do_nothing(rig: Rig) -> None:
    rig.portal.tell("Activated", "panic", session="/org/freedesktop/portal/desktop/session/1_1/other")
    rig.portal.tell("Activated", "reboot")
    rig.portal.emit(SHORTCUTS, "Activated", "", ())
    rig.portal.tell("Activated", "next")
    assert rig.becomes("persona", "ann")
    assert not rig.port.cell.current.panic


def test_the_end_of_the_session_is_told(rig: Rig) -> None:
    assert rig.keys.problem() == ""
    rig.portal.emit("org.freedesktop.portal.Session", "Closed", "", (), rig.portal.session)
    assert eventually(lambda: "the desktop has ended them" in rig.keys.problem())


def test_the_end_of_the_portal_is_told(rig: Rig) -> None:
    rig.portal.close()
    assert eventually(lambda: "the desktop has ended them" in rig.keys.problem())


def test_a_user_who_says_no_is_told_how_to_be_asked_again(portal: PretendPortal) -> None:
    portal.code = 1
    keys = PortalKeys(BOUND)
    keys.start(lambda key, down: None)
    try:
        assert eventually(lambda: "you said no. Start livecam again to be asked again" in keys.problem())
    finally:
        keys.stop()


def test_a_desktop_that_cannot_name_livecam_is_told_what_gives_it_a_name(portal: PretendPortal) -> None:
    portal.nameless = True
    keys = PortalKeys(BOUND)
    keys.start(lambda key, down: None)
    try:
        assert eventually(lambda: "livecam service install --no-start" in keys.problem())
    finally:
        keys.stop()


def test_the_end_does_not_wait_for_a_user_who_is_being_asked(portal: PretendPortal) -> None:
    portal.answers.clear()
    keys = PortalKeys(BOUND)
    keys.start(lambda key, down: None)
    assert eventually(lambda: "CreateSession" in portal.asked)
    began = time.monotonic()
    keys.stop()
    keys.stop()
    assert time.monotonic() - began < 30
    assert keys.problem() == ""


def test_the_keys_that_the_desktop_chose_are_told(portal: PretendPortal, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        keys = PortalKeys(bindings([("<f9>", "next")]))
        keys.start(lambda key, down: None)
        assert eventually(lambda: "listens for the hotkeys: Key of next next" in caplog.text)
        keys.stop()


@pytest.mark.usefixtures("bus")
def test_a_desktop_without_a_portal_is_told_with_the_shortcuts_to_set() -> None:
    with pytest.raises(LivecamError) as caught:
        desktop_keys(BOUND, WAYLAND)
    assert "hands on no hotkeys" in str(caught.value)
    assert "Ctrl+Alt+P runs `livecam ctl panic`" in str(caught.value)


@pytest.mark.usefixtures("bus")
def test_a_portal_without_hotkeys_is_told() -> None:
    portal = PretendPortal(serves="org.freedesktop.portal.Camera")
    try:
        with pytest.raises(NoPortal, match="hands on no hotkeys: Get"):
            PortalKeys(BOUND)
    finally:
        portal.close()


@pytest.mark.parametrize("address", ["", "unix:path=/nonexistent/bus", "nonsense"])
def test_no_bus_is_a_sentence(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(NoPortal):
        PortalKeys(BOUND)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    with pytest.raises(NoPortal):
        PortalKeys(BOUND)


def test_without_the_package_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotkeys_module, "find_spec", lambda name: None)
    with pytest.raises(LivecamError, match=r"livecam\[hotkeys\]"):
        desktop_keys(BOUND, WAYLAND)


def test_a_portal_that_never_answers_is_given_up(
    portal: PretendPortal, bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from livecam.control import portal_bus

    assert bus
    monkeypatch.setattr(portal_bus, "_REPLY_S", 0.2)
    monkeypatch.setattr(portal, "_answer", lambda message: None)
    with pytest.raises(NoPortal, match="is not answered"):
        portal_module.PortalKeys(BOUND)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("<ctrl>+<alt>+p", "CTRL+ALT+p"),
        ("<cmd>+<shift>+<page_up>", "SHIFT+LOGO+Page_Up"),
        ("<f9>", "F9"),
        ("<ctrl>++", "CTRL+plus"),
        ("<media_next>", "XF86AudioNext"),
        ("<ctrl>+<alt_gr>+p", ""),
        ("<ctrl>+ä", ""),
    ],
)
def test_keys_in_the_words_of_the_specification(keys: str, told: str) -> None:
    assert trigger(chord(keys)) == told
