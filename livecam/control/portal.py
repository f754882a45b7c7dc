"""Hotkeys by the desktop's portal for global shortcuts: under Wayland, with KDE Plasma, GNOME from 48 on, or Hyprland.

The package jeepney must be installed; this module is imported where it is. Source: xdg-desktop-portal's documentation
of ``org.freedesktop.portal.GlobalShortcuts``, version 2.
"""

import itertools
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from livecam.control.chords import Chord
from livecam.control.portal_bus import DAEMON, PORTAL, Bus, Message, Value
from livecam.errors import LivecamError

log = logging.getLogger(__name__)

APPLICATION: Final = "io.github.livecam"
"""Whose shortcuts they are: the name of a desktop entry. GNOME takes none without a dot in it."""

_SHORTCUTS: Final = "org.freedesktop.portal.GlobalShortcuts"
_SESSION: Final = "org.freedesktop.portal.Session"
_REQUEST: Final = "org.freedesktop.portal.Request"
_REGISTRY: Final = "org.freedesktop.host.portal.Registry"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"

_LOOK_S: Final = 1.0
_JOIN_S: Final = 2.0

_REFUSED: Final = "The desktop did not take the hotkeys: {}. Start livecam again to be asked again, or use livecam ctl."
_NAMELESS: Final = (
    "The desktop takes hotkeys of nobody whom it cannot name. Run once: livecam service install --no-start"
)
_GONE: Final = "No hotkeys any more: the desktop has ended them. Start livecam again to have them back."

_MODIFIERS: Final[Mapping[str, str]] = MappingProxyType({"ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT", "cmd": "LOGO"})
_KEYSYMS: Final[Mapping[str, str]] = MappingProxyType(
    {"enter": "Return", "esc": "Escape", "backspace": "BackSpace", "print_screen": "Print", "space": "space"}
    | {"media_play_pause": "XF86AudioPlay", "media_next": "XF86AudioNext", "media_previous": "XF86AudioPrev"}
    | {"+": "plus", "-": "minus", ",": "comma", ".": "period", "/": "slash", ";": "semicolon", "'": "apostrophe"}
    | {"=": "equal", "[": "bracketleft", "]": "bracketright", "\\": "backslash", "`": "grave"}
)


class NoPortal(LivecamError):
    """This desktop hands on no hotkeys."""


class PortalKeys:
    """Hotkeys that the desktop listens for and tells, each as one key; the desktop may have the user choose the keys.

    Args:
        bound: From `bindings`; its combinations are what the desktop proposes.

    Raises:
        NoPortal: There is no such portal here.
    """

    def __init__(self, bound: Mapping[Chord, str]) -> None:
        self._names = dict(zip(_identifiers(bound), (str(one) for one in bound), strict=True))
        self._shortcuts: list[Value] = [
            (name, {"description": ("s", f"livecam {line}"), **_proposal(one)})
            for name, (one, line) in zip(self._names, bound.items(), strict=True)
        ]
        self._numbers = itertools.count(1)
        self._problem = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._bus = _reached()

    def start(self, on_key: Callable[[str, bool], None]) -> None:
        """Ask the desktop for them and call `on_key` with each one's combination as a whole, in a thread of its own.

        The desktop may ask the user first, for as long as that takes.
        """
        self._thread = threading.Thread(target=self._run, args=(on_key,), name="hotkeys-portal", daemon=True)
        self._thread.start()

    def problem(self) -> str:
        """Why no keys come; empty while they do, or while the user is being asked."""
        return self._problem

    def stop(self) -> None:
        """Call no more."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread is None:
            self._bus.close()
            return
        self._bus.interrupt()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self, on_key: Callable[[str, bool], None]) -> None:
        try:
            session = self._bind()
            if session:
                self._follow(session, on_key)
        except OSError as error:
            if not self._stopping.is_set():
                self._problem = _NAMELESS if "app id" in str(error) else _REFUSED.format(error)
        finally:
            self._bus.close()

    def _bind(self) -> str:
        """The session's path, once the desktop listens; empty when it will not, or when it is over.

        Raises:
            OSError: The portal does not answer as it should.
        """
        for interface in (_SHORTCUTS, _SESSION):
            self._bus.listen(sender=PORTAL, interface=interface)
        self._bus.listen(sender=DAEMON, member="NameOwnerChanged", arg0=PORTAL)
        made = self._ask("CreateSession", "a{sv}", (), {"session_handle_token": ("s", "livecam")})
        session = _text(made.get("session_handle")) if made is not None else ""
        if made is not None and not session:
            self._problem = _REFUSED.format("it gives no session")
        if session:
            taken = self._ask("BindShortcuts", "oa(sa{sv})sa{sv}", (session, self._shortcuts, ""), {})
            if taken is None:
                return ""
            log.info("The desktop listens for the hotkeys: %s", _told(taken) or f"{len(self._names)} of them")
        return session

    def _ask(
        self, member: str, signature: str, body: tuple[Value, ...], options: dict[str, Value]
    ) -> dict[str, Value] | None:
        """What the desktop answers to a request, waited for as long as it takes; None when it will not, or is over.

        Raises:
            OSError: The request cannot be made.
        """
        token, path = self._bus.token(next(self._numbers))
        # Before the request, so that no answer is missed.
        self._bus.listen(sender=PORTAL, interface=_REQUEST, path=path)
        body = (*body, {"handle_token": ("s", token), **options})
        self._bus.call(_SHORTCUTS, member, signature, body)
        while not self._stopping.is_set():
            message = self._bus.receive(_LOOK_S)
            if message is None:
                continue
            if self._ended(message, ""):
                return None
            if self._bus.signal(message) == (_REQUEST, "Response", path) and len(message.body) == 2:
                code, found = message.body
                if code == 0 and isinstance(found, dict):
                    return found
                self._problem = _REFUSED.format("you said no" if code == 1 else "it gives no reason")
                return None
        return None

    def _follow(self, session: str, on_key: Callable[[str, bool], None]) -> None:
        while not self._stopping.is_set():
            message = self._bus.receive(_LOOK_S)
            if message is None:
                continue
            if self._ended(message, session):
                return
            interface, member, _ = self._bus.signal(message)
            told = interface == _SHORTCUTS and member in ("Activated", "Deactivated") and message.body[:1] == (session,)
            name = self._names.get(str(message.body[1])) if told and len(message.body) > 1 else None
            if name is not None:
                on_key(name, member == "Activated")

    def _ended(self, message: Message, session: str) -> bool:
        """Whether `message` says that the portal has gone, or the session was closed; the problem is noted."""
        interface, member, path = self._bus.signal(message)
        left = (interface, member) == (DAEMON, "NameOwnerChanged") and message.body[::2] == (PORTAL, "")
        if left or (interface == _SESSION and member == "Closed" and path == session):
            self._problem = _GONE
            return True
        return False


def _reached() -> Bus:
    """The session's bus, when a portal for hotkeys is at it.

    Raises:
        NoPortal: None is.
    """
    try:
        bus = Bus()
    except OSError as error:
        raise NoPortal(f"This desktop hands on no hotkeys: {error}.") from None
    try:
        _register(bus)
        bus.call(_PROPERTIES, "Get", "ss", (_SHORTCUTS, "version"))
    except OSError as error:
        bus.close()
        raise NoPortal(f"This desktop hands on no hotkeys: {error}.") from None
    return bus


def _register(bus: Bus) -> None:
    """Say who asks, before anything else is asked; portals that are old, or know no such program, guess."""
    try:
        bus.call(_REGISTRY, "Register", "sa{sv}", (APPLICATION, {}))
    except OSError as error:
        log.debug("The portal does not register livecam: %s", error)


def _identifiers(bound: Mapping[Chord, str]) -> list[str]:
    """A name for each, by what it says, so that the keys that a user chose stay with it when the proposal changes."""
    found: list[str] = []
    for line in bound.values():
        plain = re.sub(r"[^A-Za-z0-9]+", "-", line.strip().lower()).strip("-")
        found.append(next(name for name in _numbered(plain) if name not in found))
    return found


def _numbered(plain: str) -> Iterator[str]:
    yield plain
    for number in itertools.count(2):
        yield f"{plain}-{number}"


def trigger(one: Chord) -> str:
    """In the words of freedesktop.org's specification of shortcuts, such as ``CTRL+ALT+p``; empty where it has none."""
    key = _KEYSYMS.get(one.key)
    if key is None and len(one.key) == 1:
        key = one.key if one.key.isascii() and one.key.isalnum() else None
    elif key is None:
        key = "_".join(part.capitalize() for part in one.key.split("_"))
    if key is None or not one.modifiers <= _MODIFIERS.keys():
        return ""
    return "+".join([*(told for name, told in _MODIFIERS.items() if name in one.modifiers), key])


def _proposal(one: Chord) -> dict[str, Value]:
    told = trigger(one)
    return {"preferred_trigger": ("s", told)} if told else {}


def _text(value: "Value | None") -> str:
    """Of a variant, which is signature and value."""
    return str(value[1]) if isinstance(value, tuple) and len(value) == 2 else ""


def _told(taken: Mapping[str, Value]) -> str:
    """The shortcuts as the desktop has bound them, where it says."""
    found = taken.get("shortcuts")
    bound = found[1] if isinstance(found, tuple) and len(found) == 2 else ()
    pairs = [one for one in bound if isinstance(one, tuple) and len(one) == 2] if isinstance(bound, list) else []
    return "; ".join(
        f"{_text(about.get('trigger_description'))} {name}".strip() for name, about in pairs if isinstance(about, dict)
    )
