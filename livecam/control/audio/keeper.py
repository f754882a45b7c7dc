"""Keeps the delayed microphone beside a run: made, moved after the picture, made again when lost, removed."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from livecam.control.audio.delay import Following
from livecam.control.audio.microphone import DelayedMicrophone, held
from livecam.control.audio.names import TITLE
from livecam.control.audio.pulse import SoundError
from livecam.control.place import folder, make_private

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5
_TEND: Final = 6
"""Looks between two checks that it still stands."""

Look = Callable[[], float | None]


@contextmanager
def alone() -> Iterator[None]:
    """A time in which no other livecam of this user makes a microphone: what bears its name then is left behind.

    Raises:
        SoundError: Another one does.
        ConfigError: The folder of the lock cannot be made.
    """
    import fcntl  # what Windows lacks; there is no PulseAudio either

    make_private(folder())
    lock = os.open(folder() / "audio.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            # The system frees it when the process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SoundError(
                f"Another livecam makes the microphone {TITLE!r} already.",
                "End it, or let it be: it serves all programs.",
            ) from None
        yield
    finally:
        os.close(lock)


class Keeper:
    """Keeps one microphone. Used by one thread.

    Args:
        microphone: What is kept.
        look: How late the picture is now, ms; None when that is not known.
        extra_ms: Added to it.
        tell: Takes a sentence for the user.
    """

    def __init__(self, microphone: DelayedMicrophone, look: Look, extra_ms: float, tell: Callable[[str], None]) -> None:
        self._microphone = microphone
        self._look = look
        self._extra_ms = extra_ms
        self._tell = tell
        self._following = Following()
        self._trouble = ""

    def make(self) -> None:
        """Make the microphone now.

        Raises:
            SoundError: It cannot be made.
        """
        delay_ms = self._wanted_ms()
        self._microphone.make(delay_ms)
        self._trouble = ""
        self._tell(f"Choose the microphone {TITLE!r}: {self._microphone.real}, {held(delay_ms):.0f} ms late.")

    def keep(self, stop: threading.Event) -> None:
        """Keep it until `stop`, then remove it."""
        looks = 0
        try:
            while not stop.wait(LOOK_S):
                changed = self._following.seen(self._look())
                try:
                    self._tend(changed, looks % _TEND == 0)
                except SoundError as error:
                    self._complain(str(error))
                looks += 1
        finally:
            # Without a server there is nothing to remove.
            with suppress(SoundError):
                self._microphone.remove()

    def _tend(self, changed: bool, check: bool) -> None:
        if check and not self._microphone.stands():
            self.make()
        elif changed and self._microphone.stands():
            self._microphone.change(self._wanted_ms())
            self._tell(f"The microphone is {held(self._wanted_ms()):.0f} ms late now, as the picture is.")

    def _wanted_ms(self) -> float:
        return self._following.delay_ms + self._extra_ms

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s", trouble)
