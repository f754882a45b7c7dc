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
from livecam.output.preview_stream import RawApp, send_images

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
            await send_images(feed, receive, send)

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
        Route("/stream.mjpg", RawApp(stream), methods=["GET"]),
        Route("/snapshot.jpg", snapshot),
        Route("/status", say),
    ]
    return _Guard(Starlette(routes=routes), token)


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
