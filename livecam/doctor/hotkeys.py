"""Whether keys can be heard here while another window is in front."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from livecam.config import USUAL, HotkeysConfig, Resolved
from livecam.control.chords import Chord, bindings
from livecam.control.hotkeys import Keys, desktop_keys
from livecam.doctor.finding import Finding, Status
from livecam.doctor.machine import Machine
from livecam.errors import ConfigError, LivecamError

Finds: TypeAlias = Callable[[Mapping[Chord, str]], Keys]


def check_hotkeys(machine: Machine, resolved: Resolved) -> Iterable[Finding]:
    """How many there are, or why there are none. The desktop is asked, and let go again."""
    return examined(machine.system, resolved, desktop_keys, bool(machine.package("pynput")))


def examined(system: str, resolved: Resolved, finds: Finds, wished: bool) -> Iterable[Finding]:
    """What `check_hotkeys` says.

    Args:
        system: ``Linux``, ``Darwin`` or ``Windows``.
        resolved: Says which are meant.
        finds: Finds the desktop's keyboard.
        wished: Whether the package was installed, which is a wish.
    """
    config = resolved.config
    if not config.control.hotkeys:
        yield Finding("hotkeys", Status.INFO, "They are turned off.")
        return
    try:
        bound = bindings(config.hotkeys.bound, USUAL)
        finds(bound).stop()
    except ConfigError as error:
        yield Finding("hotkeys", Status.FAIL, error.what, error.next_step)
    except LivecamError as error:
        asked = wished or config.hotkeys != HotkeysConfig()
        yield Finding("hotkeys", Status.WARN if asked else Status.INFO, error.what, error.next_step)
    else:
        told = f"{len(bound)} can be heard with any window in front."
        yield Finding("hotkeys", Status.OK, told, _LEAVE if system == "Darwin" else "")


_LEAVE: Final = (
    "Allow the terminal under System Settings, Privacy & Security, Accessibility and Input Monitoring; "
    "without that no key comes."
)
