"""Who is answered: browsers of this machine that were let in by the token, and nobody through another page."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livecam.control.web.keys import Keys
from livecam.output.preview_guard import HEADERS, Refusal, is_embedded_elsewhere

MARK: Final = "x-livecam"
"""Requests that change something carry it; pages of other sites cannot send it without being asked about first."""

PICTURE_PATHS: Final = frozenset({"/picture", "/picture.css", "/picture.js", "/picture.mjpg"})
"""What the picture's own token opens."""

_HARMLESS: Final = frozenset({"GET", "HEAD"})


class Guard:
    """Refuses what may not be answered, lets browsers in, and adds the strict headers to every answer.

    The browser's name stands in ``scope["state"]["browser"]`` behind it; "" for a program with the picture's token.

    Args:
        app: What answers.
        keys: The secrets.
        port: Listened on.
    """

    def __init__(self, app: ASGIApp, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        # Cookies do not know ports: two panels of one machine must not take each other's.
        self._cookie = f"livecam-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        request = Request(scope)
        app = self._foreign(request) or self._entrance(request) or self._shut(request) or self._app
        await app(scope, receive, guarded)

    def _foreign(self, request: Request) -> Response | None:
        """Refuse who does not come from this machine and from a page of the panel."""
        headers, host = request.headers, request.headers.get("host", "")
        if host not in self._hosts:
            # A foreign name that was made to resolve to this machine (DNS rebinding).
            return _refused(request, Refusal(421, "The panel answers to 127.0.0.1 and localhost at its port only."))
        if headers.get("origin", f"http://{host}") != f"http://{host}" or is_embedded_elsewhere(headers):
            return _refused(request, Refusal(403, "Other pages may not use the panel."))
        if request.method not in _HARMLESS and not _is_meant(headers):
            return _refused(request, Refusal(403, "What changes something must carry the header X-Livecam: 1."))
        return None

    def _entrance(self, request: Request) -> Response | None:
        """Turn the token in the address into a cookie, so that it does not stay there."""
        given = request.query_params.get("token")
        if request.url.path != "/" or given is None or request.method not in _HARMLESS:
            return None
        if not self._keys.is_token(given):
            return _refused(request, Refusal(403, "This address is of another run: open the one livecam prints now."))
        answer = RedirectResponse("/", 303)
        # A browser that was let in before keeps its name, by which its open pages are counted.
        if not self._keys.browser(request.cookies.get(self._cookie, "")):
            answer.set_cookie(self._cookie, self._keys.cookie(), path="/", httponly=True, samesite="strict")
        return answer

    def _shut(self, request: Request) -> Response | None:
        """Refuse who was not let in."""
        browser = self._keys.browser(request.cookies.get(self._cookie, ""))
        request.state.browser = browser
        if browser:
            return None
        given = request.query_params.get("token", "")
        if request.url.path in PICTURE_PATHS and self._keys.is_picture(given) and request.method in _HARMLESS:
            return None
        return _refused(request, Refusal(401, "Open the address with ?token=... that livecam prints."))


def _is_meant(headers: Headers) -> bool:
    return headers.get(MARK) == "1"


def _refused(request: Request, refusal: Refusal) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"ok": False, "said": refusal.text}, refusal.status)
    return PlainTextResponse(refusal.text, refusal.status)
