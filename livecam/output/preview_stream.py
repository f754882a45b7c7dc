"""Images to one watcher, one after the other, as browsers show them in an ``img``."""

import asyncio
import logging
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from livecam.output.preview_feed import Feed

_LOG = logging.getLogger("livecam.output")
_BOUNDARY = "livecam-picture"
_SILENT_S: Final = 2.0


class RawApp:
    """An ASGI application in a class, since a route takes a bare function for a handler of requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._app(scope, receive, send)


async def send_images(feed: Feed, receive: Receive, send: Send, over: asyncio.Event | None = None) -> None:
    """Send images until the watcher leaves or `over` is set.

    Sending waits for a slow watcher, who then gets the newest image. The caller counts it with `Feed.watching`.
    """
    kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": f"--{_BOUNDARY}\r\n".encode(), "more_body": True})
    gone = asyncio.create_task(gone_or_over(receive, over or asyncio.Event()))
    try:
        while image := await _next(feed, gone):
            await _sent(send, _part(image))
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _sent(send: Send, body: bytes) -> None:
    told = asyncio.get_running_loop().call_later(
        _SILENT_S, _LOG.info, "A watcher of the preview has stopped reading; it holds nobody up."
    )
    try:
        await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        told.cancel()


async def _next(feed: Feed, gone: asyncio.Task[None]) -> bytes:
    """The next image; empty when the watcher or the feed went away first."""
    image = asyncio.create_task(feed.next())
    await asyncio.wait({gone, image}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done() or not image.done():
        image.cancel()
        return b""
    return image.result()


async def gone_or_over(receive: Receive, over: asyncio.Event) -> None:
    """Wait until the other side has gone, or `over` is set."""
    ended = asyncio.create_task(over.wait())
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(image: bytes) -> bytes:
    # The boundary comes right behind the image: browsers show an image when the next boundary arrives, so that with
    # the boundary in front of each image they would always be one image behind.
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n".encode()
    return head + image + f"\r\n--{_BOUNDARY}\r\n".encode()
