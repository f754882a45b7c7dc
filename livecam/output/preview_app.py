"""The preview's web application: a page, a stream, a snapshot and one line of status."""

import asyncio
from collections.abc import Callable
from importlib import resources

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livecam.output.preview_feed import Feed
from livecam.output.preview_guard import HEADERS, refusal

_BOUNDARY = "livecam-picture"
_SNAPSHOT_S = 2.0


def preview_app(feed: Feed, token: str, status: Callable[[], str]) -> ASGIApp:
    """The application.

    Args:
        feed: Where images come from.
        token: What every request must carry.
        status: One line about what is being sent.
    """

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        with feed.watching():
            await _stream(feed, receive, send)

    async def snapshot(_: Request) -> Response:
        with feed.watching():
            try:
                image = await asyncio.wait_for(feed.next(), _SNAPSHOT_S)
            except TimeoutError:
                image = b""
        return Response(image, media_type="image/jpeg") if image else PlainTextResponse("No picture was sent.", 503)

    async def say(_: Request) -> Response:
        return JSONResponse({"text": status()})

    routes = [
        Route("/", _file("page.html", "text/html")),
        Route("/page.css", _file("page.css", "text/css")),
        Route("/page.js", _file("page.js", "text/javascript")),
        Route("/stream.mjpg", _Raw(stream), methods=["GET"]),
        Route("/snapshot.jpg", snapshot),
        Route("/status", say),
    ]
    return _Guard(Starlette(routes=routes), token)


class _Raw:
    """An ASGI application in a class, since a route takes a bare function for a handler of requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Guard:
    """Refuses what may not be answered, and adds the headers of `preview_guard` to every answer."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *raw]
            await send(message)

        request = Request(scope)
        given = request.query_params.get("token", "")
        refused = refusal(Headers(scope=scope), request.url.path, given, self._token)
        app = PlainTextResponse(refused.text, refused.status) if refused else self._app
        await app(scope, receive, guarded)


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = (resources.files("livecam.output") / "preview_page" / name).read_bytes()

    def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


async def _stream(feed: Feed, receive: Receive, send: Send) -> None:
    """Send images until the watcher leaves. Sending waits for a slow watcher, who then gets the newest image."""
    kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": f"--{_BOUNDARY}\r\n".encode(), "more_body": True})
    gone = asyncio.create_task(_gone(receive))
    try:
        while image := await _next(feed, gone):
            await send({"type": "http.response.body", "body": _part(image), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


async def _next(feed: Feed, gone: asyncio.Task[None]) -> bytes:
    """The next image; empty when the watcher or the feed went away first."""
    image = asyncio.create_task(feed.next())
    await asyncio.wait({gone, image}, return_when=asyncio.FIRST_COMPLETED)
    if gone.done() or not image.done():
        image.cancel()
        return b""
    return image.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(image: bytes) -> bytes:
    # The boundary comes right behind the image: browsers show an image when the next boundary arrives, so that with
    # the boundary in front of each image they would always be one image behind.
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n".encode()
    return head + image + f"\r\n--{_BOUNDARY}\r\n".encode()
