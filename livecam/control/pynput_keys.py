"""Keys by pynput: X11, Windows and macOS. It must be installed; this module is imported where hotkeys are wanted."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol, TypeAlias

from livecam.errors import LivecamError

_DIED: Final = "No hotkeys any more: the display has closed its connection. Start livecam again to have them back."
_UNTRUSTED: Final = (
    "macOS lets no key through to hotkeys: allow the terminal under System Settings, Privacy & Security, "
    "Accessibility and Input Monitoring, and start livecam again."
)


class _Named(Protocol):
    name: str


class _Typed(Protocol):
    char: str | None


_Key: TypeAlias = _Named | _Typed


class _Listener(Protocol):
    daemon: bool
    IS_TRUSTED: bool
    """On macOS alone."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_alive(self) -> bool: ...

    def canonical(self, key: _Key) -> _Typed: ...


class PynputKeys:
    """Hears every key of the desktop, and keeps none from the window in front.

    Raises:
        LivecamError: pynput does not load here.
    """

    def __init__(self) -> None:
        try:
            keyboard = import_module("pynput.keyboard")
        except ImportError as error:
            # It connects to the display while it is imported, and says that with a page of advice.
            reason = str(error).partition("\n")[0]
            raise LivecamError(f"There are no hotkeys here: {reason}.", "Use livecam ctl, or --no-hotkeys.") from None
        self._named: type[_Named] = keyboard.Key
        self._make: Callable[..., _Listener] = keyboard.Listener
        self._listener: _Listener | None = None

    def start(self, on_key: Callable[[str, bool], None]) -> None:
        """Call `on_key` with every key's name and whether it went down, in pynput's thread."""
        listener = self._make(
            on_press=lambda key: self._tell(on_key, key, True), on_release=lambda key: self._tell(on_key, key, False)
        )
        listener.daemon = True
        self._listener = listener
        listener.start()

    def problem(self) -> str:
        """Why no keys come any more; empty while they do."""
        if self._listener is None:
            return ""
        if not self._listener.is_alive():
            return _DIED
        return _UNTRUSTED if sys.platform == "darwin" and not self._listener.IS_TRUSTED else ""

    def stop(self) -> None:
        """Call no more."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.stop()

    def _tell(self, on_key: Callable[[str, bool], None], key: _Key | None, down: bool) -> None:
        name = self._name(key) if key is not None else ""
        if name:
            on_key(name, down)

    def _name(self, key: _Key) -> str:
        """As `Chord` has it; empty for a key without a name or a character."""
        if isinstance(key, self._named):
            return key.name.removesuffix("_l").removesuffix("_r")
        listener = self._listener
        # Windows gives the control character of Ctrl and a letter; the canonical key has the letter.
        typed = listener.canonical(key) if listener is not None else None
        return (typed.char or "").lower() if typed is not None else ""
