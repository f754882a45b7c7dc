"""Orders from the panel: what covers the picture at once, all else in its turn, and of what was replaced only the last.

A panic is followed where it arrives. Quick orders and those that may take long wait in two lanes, so that a persona
that is being made ready holds up no slider. Within a lane the order of arrival is kept.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from livecam.control.desk import Desk, Json
from livecam.control.grammar import Ask, NotUnderstood, Order, parse
from livecam.control.web.crew import Busy, Crew
from livecam.core.settings import (
    Hold,
    Mode,
    Panic,
    Release,
    Resume,
    SetBlend,
    SetEyes,
    SetLabel,
    SetMode,
    SetOthers,
    SetShape,
    SetSteadiness,
)

log = logging.getLogger(__name__)

Said: TypeAlias = Mapping[str, Json]

MOST: Final = 64
"""Orders that may wait in a lane."""

_COVERING: Final = (Panic, Hold)
_UNCOVERING: Final = (Resume, Release)
_QUICK: Final = (*_UNCOVERING, SetMode, SetOthers, SetLabel, SetEyes, SetShape, SetSteadiness, SetBlend, Ask)
_REPLACED: Final[Said] = {"ok": True, "said": "replaced"}
_BROKEN: Final[Said] = {"ok": False, "said": "That failed inside livecam. The log says how."}


@dataclass(frozen=True, slots=True)
class _Waiting:
    line: str
    key: str
    uncovers: bool
    answer: asyncio.Future[Said]


class Lane:
    """Follows orders one after the other. Belongs to an event loop.

    Args:
        follow: Follows an order; called in a thread.
    """

    def __init__(self, follow: Callable[[str], Said]) -> None:
        self._follow = follow
        self._crew = Crew(1)
        self._waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()

    def put(self, line: str, key: str, uncovers: bool = False) -> asyncio.Future[Said]:
        """Have `line` followed; orders that wait with the same `key`, unless it is "", are replaced by it.

        Raises:
            Busy: Too many wait.
        """
        if key:
            self._drop(lambda waiting: waiting.key == key)
        if len(self._waiting) >= MOST:
            raise Busy("Too many orders wait.", "Try again in a moment.")
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(line, key, uncovers, answer))
        self._some.set()
        return answer

    def drop_uncovering(self) -> None:
        """Forget what waits and would show again what is to be covered now."""
        self._drop(lambda waiting: waiting.uncovers)

    async def run(self) -> None:
        """Follow orders until cancelled."""
        while True:
            await self._some.wait()
            if not self._waiting:
                self._some.clear()
                continue
            order = self._waiting.popleft()
            # Who asked may have gone; the order was given all the same.
            _tell(order.answer, await self._followed(order.line))

    async def _followed(self, line: str) -> Said:
        work = asyncio.create_task(self._crew.do(partial(self._follow, line)))
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()
        if error := work.exception():
            log.error("The order %r failed.", line, exc_info=error)
            return _BROKEN
        return work.result()

    def _drop(self, which: Callable[[_Waiting], bool]) -> None:
        for waiting in [waiting for waiting in self._waiting if which(waiting)]:
            self._waiting.remove(waiting)
            _tell(waiting.answer, _REPLACED)


class Lanes:
    """Where the panel's orders go. Belongs to an event loop.

    Args:
        desk: Follows them.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._quick = Lane(self._follow)
        self._slow = Lane(self._follow)

    async def put(self, line: str, key: str) -> Said:
        """What is said to `line`. What covers the picture is followed without waiting for anything.

        Raises:
            Busy: Too many orders wait.
        """
        order = _understood(line)
        if isinstance(order, _COVERING):
            # A resume that was said before, and still waits, must not end what is said now.
            self._quick.drop_uncovering()
            return self._follow(line)
        if order is None or isinstance(order, _QUICK):
            return await self._quick.put(line, key, _uncovers(order))
        return await self._slow.put(line, key)

    async def run(self) -> None:
        """Follow orders until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._quick.run())
            group.create_task(self._slow.run())

    def _follow(self, line: str) -> Said:
        return self._desk.follow(line).json()


def _tell(answer: asyncio.Future[Said], said: Said) -> None:
    if not answer.done():
        answer.set_result(said)


def _understood(line: str) -> Order | None:
    try:
        return parse(line)
    except NotUnderstood:
        return None  # The desk says why.


def _uncovers(order: Order | None) -> bool:
    return isinstance(order, _UNCOVERING) or (isinstance(order, SetMode) and order.mode is Mode.PASSTHROUGH)
