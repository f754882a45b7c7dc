"""What goes on, to every open page: server-sent events, the newest of each kind, and nothing while no page is open."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from livecam.control.desk import Json, shown
from livecam.control.web.log_lines import LINES, LogLine
from livecam.control.web.port import PanelPort

_LOOK_S: Final = 0.1
_STATUS_EVERY: Final = 5
_FIGURES_EVERY: Final = 10
"""In looks."""

AWAY: Final = b'event: away\ndata: {"said": "Too many pages of the panel are open in this browser."}\n\n'
"""The last event of a page whose seat was taken: it must not connect again by itself."""

_HELLO: Final = b"retry: 1000\n\n"


class Reader:
    """What waits for one page: of each kind of event the newest, of log lines the newest 200."""

    def __init__(self) -> None:
        self._newest: dict[str, bytes] = {}
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._some = asyncio.Event()

    def put(self, name: str, event: bytes) -> None:
        """Add an event; it takes the place of one of its name that waits, but for log lines."""
        if name == "log":
            self._lines.append(event)
        else:
            self._newest[name] = event
        self._some.set()

    async def take(self) -> bytes:
        """All that waits, as soon as there is any."""
        await self._some.wait()
        self._some.clear()
        events = b"".join((*self._newest.values(), *self._lines))
        self._newest.clear()
        self._lines.clear()
        return events


class News:
    """Looks at the run while a page is open, and tells all open pages. Belongs to an event loop.

    Args:
        port: The run.
        watchers: How many watch each preview.
    """

    def __init__(self, port: PanelPort, watchers: Callable[[], Mapping[str, Json]]) -> None:
        self._port = port
        self._count = watchers
        self._readers: list[Reader] = []
        self._present = asyncio.Event()
        self._revision = -1
        self._line = 0
        self._mark: object = None
        self._watchers: Mapping[str, Json] = {}

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader for the length of the block; how things stand waits for it."""
        if not self._readers:
            self._catch_up()
        reader = Reader()
        reader.put("hello", _HELLO)
        reader.put("now", self._now())
        reader.put("status", self._status())
        reader.put("figures", self._figures())
        reader.put("preview", _event("preview", self._count()))
        for line in self._port.log.since(0):
            # What is newer than `_line` comes with the next look.
            if line.number <= self._line:
                reader.put("log", _log_event(line))
        self._readers.append(reader)
        self._present.set()
        try:
            yield reader
        finally:
            self._readers.remove(reader)
            if not self._readers:
                self._present.clear()

    async def run(self) -> None:
        """Look and tell until cancelled."""
        look = 0
        while True:
            await self._present.wait()
            self._look(look)
            look += 1
            await asyncio.sleep(_LOOK_S)

    def bank_changed(self) -> None:
        """Tell that personas are to be fetched again."""
        self._mark = self._port.bank.mark()
        self._tell("bank", _event("bank", {}))

    def _catch_up(self) -> None:
        self._line = max((line.number for line in self._port.log.since(0)), default=0)
        self._revision = self._port.settings().revision
        self._mark = self._port.bank.mark()

    def _look(self, look: int) -> None:
        revision = self._port.settings().revision
        if revision != self._revision:
            self._revision = revision
            self._tell("now", self._now())
        for line in self._port.log.since(self._line):
            self._line = line.number
            self._tell("log", _log_event(line))
        watchers = self._count()
        if watchers != self._watchers:
            self._watchers = watchers
            self._tell("preview", _event("preview", watchers))
        if look % _STATUS_EVERY == 0:
            self._tell("status", self._status())
        if look % _FIGURES_EVERY == 0:
            self._tell("figures", self._figures())
            if self._port.bank.mark() != self._mark:
                self.bank_changed()

    def _now(self) -> bytes:
        return _event("now", shown(self._port.settings()))

    def _status(self) -> bytes:
        return _event("status", self._port.status())

    def _figures(self) -> bytes:
        return _event("figures", self._port.figures())

    def _tell(self, name: str, event: bytes) -> None:
        for reader in self._readers:
            reader.put(name, event)


def _log_event(line: LogLine) -> bytes:
    return _event("log", {"level": line.level, "text": line.text, "at": line.at})


def _event(name: str, data: Mapping[str, Json]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
