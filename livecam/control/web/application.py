"""The panel's web application: the page, the orders, and what is shown."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import resources
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from livecam.control.desk import Json
from livecam.control.grammar import LONGEST, WORDS
from livecam.control.web import bodies
from livecam.control.web.bank_routes import BankRoutes
from livecam.control.web.crew import Busy, Crew
from livecam.control.web.guard import Guard
from livecam.control.web.keys import Keys
from livecam.control.web.lanes import Lanes
from livecam.control.web.news import News
from livecam.control.web.picture import picture_page, picture_script, picture_style
from livecam.control.web.port import PanelPort, Side
from livecam.control.web.streams import Streams
from livecam.errors import LivecamError
from livecam.output.preview_feed import Feed

_KINDS: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
}
_STATUS: Final[Mapping[type[Exception], int]] = {Busy: 503, bodies.TooLarge: 413, bodies.Unfit: 400}
_FILE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.(" + "|".join(_KINDS) + ")")


class Panel:
    """One panel, to be served by one event loop.

    Args:
        port: The run.
        keys: The secrets.
        bound: The port number that is listened on.

    Attributes:
        app: What is served.
    """

    def __init__(self, port: PanelPort, keys: Keys, bound: int) -> None:
        self._port = port
        self._previews = port.previews()
        self._news = News(port, self._watchers)
        self._lanes = Lanes(port.desk)
        self._streams = Streams(self._previews, self._news)
        # What looks at the machine may take long, and waits for nothing but its own kind.
        self._looking = Crew(2)
        self._loop: asyncio.AbstractEventLoop | None = None
        bank = BankRoutes(port, self._news)
        routes = [*self._pages(), *self._routes(), *bank.routes(), *self._streams.routes()]
        handlers = {LivecamError: _said}
        self.app: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=handlers), keys, bound)

    async def run(self) -> None:
        """What runs beside the answers, until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._news.run())
            group.create_task(self._lanes.run())
            for feed in self._feeds().values():
                group.create_task(feed.run())

    def end(self) -> None:
        """End all answers that have no end. Any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._streams.end)

    def _feeds(self) -> dict[Side, Feed]:
        return {side: feed for side, feed in self._previews.items() if isinstance(feed, Feed)}

    def _watchers(self) -> dict[str, Json]:
        return {str(side): feed.watchers for side, feed in self._feeds().items()}

    def _pages(self) -> list[Route]:
        return [
            Route("/", _page, methods=["GET"]),
            Route("/page/{name}", _file, methods=["GET"]),
            Route("/picture", picture_page, methods=["GET"]),
            Route("/picture.css", picture_style, methods=["GET"]),
            Route("/picture.js", picture_script, methods=["GET"]),
        ]

    def _routes(self) -> list[Route]:
        return [
            Route("/api/order", self._order, methods=["POST"]),
            Route("/api/words", _words, methods=["GET"]),
            Route("/api/cameras", self._looked(self._port.cameras), methods=["GET"]),
            Route("/api/outputs", self._looked(self._port.outputs), methods=["GET"]),
            Route("/api/doctor", self._looked(self._port.doctor), methods=["GET"]),
            Route("/api/presets", self._looked(self._port.presets), methods=["GET"]),
        ]

    async def _order(self, request: Request) -> Response:
        body = await bodies.read_object(request)
        line = bodies.text(body, "line", longest=LONGEST)
        return JSONResponse(await self._lanes.put(line, bodies.text(body, "key", "")))

    def _looked(self, look: Callable[[], object]) -> Callable[[Request], Awaitable[Response]]:
        """Answers with what a look at the machine gives."""

        async def answer(_: Request) -> Response:
            return JSONResponse(await self._looking.do(look))

        return answer


def _said(_: Request, error: Exception) -> Response:
    return JSONResponse({"ok": False, "said": str(error)}, _STATUS.get(type(error), 422))


async def _words(_: Request) -> Response:
    return JSONResponse([{"word": name, "takes": word.takes, "summary": word.summary} for name, word in WORDS.items()])


async def _page(_: Request) -> Response:
    return _served("page.html")


async def _file(request: Request) -> Response:
    return _served(request.path_params["name"])


def _served(name: str) -> Response:
    file = resources.files("livecam.control.web") / "page" / name
    # Names are of one part and plain, so that nothing outside the folder can be meant.
    if not _FILE.fullmatch(name) or not file.is_file():
        return PlainTextResponse("There is no such page.", 404)
    return Response(file.read_bytes(), media_type=_KINDS[name.rpartition(".")[2]])
