"""The face bank's part of the panel."""

import asyncio
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from livecam.control.web import bodies
from livecam.control.web.crew import Crew
from livecam.control.web.news import News
from livecam.control.web.port import PanelPort
from livecam.errors import PersonaError
from livecam.faces.names import checked_name

_HANDS = 2
"""Photos that are looked at at the same time; large ones take memory."""

_UPLOADS = 4
"""Photos that are in memory at the same time, as they came."""


class BankRoutes:
    """Lists, shows and changes personas.

    Args:
        port: The run.
        news: Told when something changed.
    """

    def __init__(self, port: PanelPort, news: News) -> None:
        self._bank = port.bank
        self._news = news
        self._crew = Crew(_HANDS)
        self._reading = asyncio.Semaphore(_UPLOADS)

    def routes(self) -> list[Route]:
        """All of them. What names a single photo comes before what takes any name."""
        return [
            Route("/api/bank", self._list, methods=["GET"]),
            Route("/api/bank", self._add, methods=["POST"]),
            Route("/api/bank/drafts", self._draft, methods=["POST"]),
            Route("/api/bank/shot", self._shot, methods=["POST"]),
            Route("/api/bank/{name}/thumbnail.jpg", self._thumbnail, methods=["GET"]),
            Route("/api/bank/{name}/consent", self._revoke, methods=["DELETE"]),
            Route("/api/bank/{name}/consent", self._renew, methods=["PUT"]),
            Route("/api/bank/{name}", self._remove, methods=["DELETE"]),
            Route("/api/bank/{name}", self._change, methods=["PATCH"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse(await self._crew.do(self._bank.cards))

    async def _thumbnail(self, request: Request) -> Response:
        name = checked_name(request.path_params["name"])
        try:
            image = await self._crew.do(partial(self._bank.thumbnail, name))
        except PersonaError as error:
            return JSONResponse({"ok": False, "said": str(error)}, 404)
        return Response(image, media_type="image/jpeg")

    async def _draft(self, request: Request) -> Response:
        filename = bodies.text(dict(request.query_params), "filename", "photo")
        async with self._reading:
            data = await bodies.read(request, bodies.PHOTO)
            return JSONResponse(await self._crew.do(partial(self._bank.draft, data, filename)))

    async def _shot(self, request: Request) -> Response:
        await bodies.read(request, bodies.SMALL)
        return JSONResponse(await self._crew.do(self._bank.shot))

    async def _add(self, request: Request) -> Response:
        naming = bodies.naming(await bodies.read_object(request))
        return await self._changed(partial(self._bank.add, naming))

    async def _remove(self, request: Request) -> Response:
        name = checked_name(request.path_params["name"])
        return await self._changed(partial(self._bank.remove, name))

    async def _revoke(self, request: Request) -> Response:
        name = checked_name(request.path_params["name"])
        return await self._changed(partial(self._bank.revoke, name))

    async def _renew(self, request: Request) -> Response:
        name = checked_name(request.path_params["name"])
        renewal = bodies.renewal(await bodies.read_object(request))
        return await self._changed(partial(self._bank.renew, name, renewal))

    async def _change(self, request: Request) -> Response:
        name = checked_name(request.path_params["name"])
        worn_as = bodies.worn_as(await bodies.read_object(request))
        return await self._changed(partial(self._bank.change, name, worn_as))

    async def _changed(self, work: Callable[[], str]) -> Response:
        said = await self._crew.do(work)
        self._news.bank_changed()
        return JSONResponse({"ok": True, "said": said})
