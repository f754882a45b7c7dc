"""Global hotkeys: orders by key, whichever window is in front."""

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Final, Protocol

from livecam.control.chords import Chord, Keyboard
from livecam.control.deeds import Favourite
from livecam.control.desk import Desk
from livecam.control.grammar import may_take_long, parse
from livecam.core.settings import Hold, Release
from livecam.errors import ExtraMissing, LivecamError

log = logging.getLogger(__name__)

_TICK_S: Final = 0.02
_LOOK_S: Final = 1.0
_QUEUED: Final = 8
_JOIN_S: Final = 1.0


class Keys(Protocol):
    """A keyboard of the whole desktop."""

    def start(self, on_key: Callable[[str, bool], None]) -> None:
        """Call `on_key` with every key's name and whether it went down, in a thread of its own.

        Raises:
            LivecamError: The system does not let it.
        """
        ...

    def problem(self) -> str:
        """Why no keys come any more, in a sentence; empty while they do."""
        ...

    def stop(self) -> None:
        """Call no more. Idempotent."""
        ...


class Hotkeys:
    """Follows keys and gives the desk their orders.

    The thread in which keys arrive does what is quick, so that a panic waits for nothing; what may take long, such as a
    persona that has to be made ready first, is left to another thread.

    Args:
        bound: From `bindings`.
        desk: Follows the orders.
        keys: Where they come from.
    """

    def __init__(self, bound: Mapping[Chord, str], desk: Desk, keys: Keys) -> None:
        self._desk = desk
        self._keys = keys
        self._keyboard = Keyboard(bound)
        self._lock = threading.Lock()
        self._touched = threading.Event()
        self._stopping = threading.Event()
        self._slow: queue.Queue[str] = queue.Queue(_QUEUED)
        self._threads = (
            threading.Thread(target=self._settle, name="hotkeys", daemon=True),
            threading.Thread(target=self._switch, name="hotkeys-persona", daemon=True),
        )

    def start(self) -> None:
        """Listen from now on.

        Raises:
            LivecamError: The system does not let it.
        """
        self._keys.start(self._heard)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Listen no more. Idempotent."""
        self._stopping.set()
        self._touched.set()
        with suppress(queue.Full):
            self._slow.put_nowait("")
        self._keys.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_JOIN_S)

    def _heard(self, key: str, down: bool) -> None:
        if self._stopping.is_set():
            return
        with self._lock:
            act = self._keyboard.press if down else self._keyboard.release
            self._say(act(key, time.monotonic_ns()))
        if not down:
            self._touched.set()

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            if may_take_long(parse(line)):
                try:
                    self._slow.put_nowait(line)
                except queue.Full:
                    log.warning("The hotkey's %r came too soon after others and is dropped.", line)
            else:
                self._follow(line)

    def _follow(self, line: str) -> None:
        answer = self._desk.follow(line)
        log.log(logging.INFO if answer.ok else logging.WARNING, "Hotkey %s: %s", line, answer.said)

    def _settle(self) -> None:
        """Notice that keys have stayed up, and that none come any more."""
        told = ""
        while not self._stopping.is_set():
            self._touched.wait(_LOOK_S)
            while self._keyboard.unsettled and not self._stopping.wait(_TICK_S):
                with self._lock:
                    self._say(self._keyboard.settle(time.monotonic_ns()))
            self._touched.clear()
            problem = self._keys.problem()
            if problem != told:
                told = problem
                log.warning("%s", problem)

    def _switch(self) -> None:
        while not self._stopping.is_set():
            try:
                line = self._slow.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if line and not self._stopping.is_set():
                self._follow(line)


def installed() -> bool:
    """Whether hotkeys were provided for, which is a wish to have them."""
    return find_spec("pynput") is not None


def desktop_keys(bound: Mapping[Chord, str], environment: Mapping[str, str] = os.environ) -> Keys:
    """The keyboard of this desktop.

    Args:
        bound: For the words of the error on a desktop that has no global keys for programs.
        environment: Variables.

    Raises:
        ExtraMissing: pynput is not installed.
        LivecamError: There is no display, or it is one of Wayland whose desktop hands on no keys.
    """
    if sys.platform == "linux":
        if is_wayland(environment):
            return _handed_on(bound)
        if not environment.get("DISPLAY"):
            raise LivecamError("There is no display, so there are no hotkeys.", "Use livecam ctl, or --no-hotkeys.")
    if not installed():
        raise ExtraMissing("Hotkeys need the package pynput.", "Install it with: pip install 'livecam[hotkeys]'")
    from livecam.control.pynput_keys import PynputKeys  # says why, where pynput does not load

    return PynputKeys()


def is_wayland(environment: Mapping[str, str]) -> bool:
    """Whether the desktop is one of Wayland, on which no program hears the keys of others."""
    return bool(environment.get("WAYLAND_DISPLAY")) or environment.get("XDG_SESSION_TYPE") == "wayland"


def _handed_on(bound: Mapping[Chord, str]) -> Keys:
    """Those that the desktop listens for and hands on.

    Raises:
        LivecamError: It does not, or the package to talk to it is not installed.
    """
    why = "Where the desktop hands them on (KDE Plasma, GNOME 48, Hyprland), livecam[hotkeys] hears them; else set"
    if find_spec("jeepney") is not None:
        from livecam.control.portal import NoPortal, PortalKeys  # needs jeepney

        try:
            return PortalKeys(bound)
        except NoPortal as error:
            why = f"{error} Set"
    raise LivecamError(
        "Under Wayland no program hears the keys of other windows.",
        f"{why} these in the desktop's keyboard settings, under custom shortcuts: {shortcuts(bound)}.",
    )


def shortcuts(bound: Mapping[Chord, str]) -> str:
    """The desktop's own shortcuts that do the same, as far as a shortcut can: none has an end to a hold.

    Of the favourites the first has to do for all.
    """
    words = {one: line for one, line in bound.items() if not isinstance(parse(line), Hold | Release | Favourite)}
    told = [f"{_told(one)} runs `livecam ctl {line}`" for one, line in words.items()]
    first = next(((one, line) for one, line in bound.items() if isinstance(parse(line), Favourite)), None)
    if first is not None:
        told.append(f"{_told(first[0])} runs `livecam ctl {first[1]}`, and so on")
    return "; ".join(told)


def _told(one: Chord) -> str:
    return str(one).replace("<", "").replace(">", "").title()
