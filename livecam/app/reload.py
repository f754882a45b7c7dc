"""``livecam ctl reload`` and SIGHUP: the configuration is read again, and what can change while running changes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeAlias

from livecam.config import SETTINGS, Config
from livecam.config.registry import build
from livecam.errors import ConfigError, LivecamError

Apply: TypeAlias = Callable[[Config], str]
"""Lets the running daemon follow a configuration; what now holds, in a sentence. Raises `LivecamError`."""


class Reloader:
    """Follows changes of the configuration. Any thread; one after the other.

    Args:
        config: In force.
        read: Reads it again, from where it came, with the flags that were given; None where that is not known.
        live: What follows which settings: by a setting's path such as ``face.shape``, else by its section such as
            ``hotkeys``. Whatever is not there, or is None, needs a restart.

    Attributes:
        config: As it was read last, as far as it is followed.
    """

    def __init__(self, config: Config, read: Callable[[], Config] | None, live: Mapping[str, Apply | None]) -> None:
        self.config = config
        self._read = read
        self._live = dict(live)
        self._lock = threading.Lock()

    def follow(self, settings: str, apply: Apply | None) -> None:
        """Have changes of `settings`, a path or a section, followed by `apply`."""
        self._live[settings] = apply

    def __call__(self) -> str:
        """Read it, and follow what has changed; what now holds.

        Raises:
            ConfigError: It cannot be used, or not be read again; nothing changed.
            LivecamError: Part of it could not be followed; the sentence says what was.
        """
        with self._lock:
            if self._read is None:
                raise ConfigError("This run has no configuration that could be read again.")
            try:
                config = self._read()
            except ConfigError as error:
                raise ConfigError(error.what, f"{error.next_step} The old configuration stays in force.") from None
            return self._followed(config)

    def _followed(self, config: Config) -> str:
        changed = [path for path in SETTINGS if value_of(config, path) != value_of(self.config, path)]
        wanted: dict[Apply, list[str]] = {}
        for path in changed:
            if apply := self._apply(path):
                wanted.setdefault(apply, []).append(path)
        said, failed, followed = [], [], set[str]()
        for apply, paths in wanted.items():
            try:
                said.append(apply(config))
                followed.update(paths)
            except LivecamError as error:
                failed.append(str(error))
        left = [path for path in changed if not self._apply(path)]
        if left:
            said.append(f"Restart to change {', '.join(left)}.")
        # What is not followed is a change again at the next reload.
        self.config = build({path: value_of(config if path in followed else self.config, path) for path in SETTINGS})
        if failed:
            raise LivecamError(" ".join([*failed, *said]))
        return " ".join(said) or "Nothing has changed."

    def _apply(self, path: str) -> Apply | None:
        return self._live.get(path, self._live.get(path.partition(".")[0]))


def value_of(config: Config, path: str) -> object:
    """The value of a setting by its path, such as ``face.shape``."""
    section, _, name = path.partition(".")
    return getattr(getattr(config, section), name)


@contextmanager
def reloading_on_hangup(reload: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """Within the context, SIGHUP calls `reload` in a thread of its own, or sets `stop` if the terminal was closed.

    Does nothing outside the main thread, and on Windows, which has no such signal.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    terminals = [each for each in (0, 1, 2) if os.isatty(each)]

    def heard(_number: int, _frame: FrameType | None) -> None:
        if terminals and not any(os.isatty(each) for each in terminals):
            stop.set()
        else:
            with suppress(RuntimeError):  # no thread can be started now; the run must not end for that
                threading.Thread(target=reload, name="livecam-reload", daemon=True).start()

    old = signal.signal(signal.SIGHUP, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, old)
