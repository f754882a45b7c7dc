"""Answers without an end: events and previews."""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from livecam.control.web.news import AWAY, News, Reader
from livecam.control.web.port import Side
from livecam.control.web.seats import EVENTS, PICTURES, PREVIEWS, Seats
from livecam.output.preview_feed import Feed
from livecam.output.preview_stream import RawApp, gone_or_over, send_images

_KIND = (b"content-type", b"text/event-stream; charset=utf-8")


class Streams:
    """Serves them, and ends them.

    Args:
        previews: Where images come from, or why they cannot be had.
        news: Where events come from.
    """

    def __init__(self, previews: Mapping[Side, Feed | str], news: News) -> None:
        self._feeds = previews
        self._news = news
        self._events = Seats(EVENTS)
        self._previews = Seats(PREVIEWS)
        self._pictures = Seats(PICTURES)
        self._ending = False

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/events", RawApp(self._tell), methods=["GET"]),
            Route("/api/preview/input.mjpg", RawApp(self._input), methods=["GET"]),
            Route("/api/preview/output.mjpg", RawApp(self._output), methods=["GET"]),
            Route("/picture.mjpg", RawApp(self._picture), methods=["GET"]),
        ]

    def end(self) -> None:
        """End all answers; in the event loop."""
        self._ending = True
        self._events.clear()
        self._previews.clear()
        self._pictures.clear()

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._events.taken(_browser(scope)) as over, self._news.reading() as reader:
            await send({"type": "http.response.start", "status": 200, "headers": [_KIND]})
            gone = asyncio.create_task(gone_or_over(receive, over))
            try:
                # Sending waits for a slow page, which then gets the newest of each kind.
                while events := await _next(reader, gone):
                    await send({"type": "http.response.body", "body": events, "more_body": True})
                await send({"type": "http.response.body", "body": AWAY if over.is_set() and not self._ending else b""})
            finally:
                gone.cancel()

    async def _input(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._show(Side.INPUT, scope, receive, send)

    async def _output(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._show(Side.OUTPUT, scope, receive, send)

    async def _picture(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._show(Side.PICTURE, scope, receive, send)

    async def _show(self, side: Side, scope: Scope, receive: Receive, send: Send) -> None:
        feed = self._feeds[side]
        if isinstance(feed, str):
            await JSONResponse({"ok": False, "said": feed}, 409)(scope, receive, send)
            return
        seats = self._pictures if side is Side.PICTURE else self._previews
        with seats.taken(_browser(scope)) as over, feed.watching():
            await send_images(feed, receive, send, over)


async def _next(reader: Reader, gone: asyncio.Task[None]) -> bytes:
    """What waits for the page next; empty when it has gone, or has to go, first."""
    events = asyncio.create_task(reader.take())
    await asyncio.wait({gone, events}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done() or not events.done():
        events.cancel()
        return b""
    return events.result()


def _browser(scope: Scope) -> str:
    return str(Request(scope).state.browser)
