"""Bodies of requests, read no further than they may be long, and taken apart."""

from collections.abc import Mapping
from json import loads
from typing import Final

from starlette.requests import Request

from livecam.config.presets import PresetName
from livecam.control.desk import Json
from livecam.control.web.port import Naming, Renewal
from livecam.core.persona import Scope
from livecam.errors import LivecamError
from livecam.faces.names import checked_name

SMALL: Final = 16 * 1024
"""Bytes of a JSON body."""

PHOTO: Final = 40 * 1024 * 1024
"""Bytes of a photo."""

_LONGEST: Final = 200
_MOST_DRAFTS: Final = 20
_DAY: Final = 10
_RENEWED: Final = {"basis", "subject", "scope", "expires"}
_SHARES: Final = frozenset({"blend", "colour", "shape"})


class TooLarge(LivecamError):
    """A body is longer than what it is for may be."""


class Unfit(LivecamError):
    """A body is not what it has to be."""


async def read(request: Request, limit: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: It has more than `limit` bytes.
    """
    told = request.headers.get("content-length", "0")
    if told.isdecimal() and int(told) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


async def read_object(request: Request) -> Mapping[str, Json]:
    """The body as a JSON object.

    Raises:
        TooLarge: It has more than 16 KiB.
        Unfit: It is none.
    """
    body = await read(request, SMALL)
    try:
        value = loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Unfit("The request must carry a JSON object.")
    return value


def text(body: Mapping[str, Json], name: str, usual: str | None = None, longest: int = _LONGEST) -> str:
    """A text of at most `longest` characters.

    Raises:
        Unfit: It is none, or is missing and there is no usual one.
    """
    value = body.get(name, usual)
    if not isinstance(value, str) or len(value) > longest:
        raise Unfit(f"{name!r} must be a text of at most {longest} characters.")
    return value


def naming(body: Mapping[str, Json]) -> Naming:
    """How a new persona is to be kept.

    Raises:
        Unfit: A part is missing or not of its kind.
        PersonaError: The name cannot be one.
    """
    drafts, replace = body.get("drafts"), body.get("replace", False)
    if not isinstance(drafts, list) or not 1 <= len(drafts) <= _MOST_DRAFTS:
        raise Unfit(f"'drafts' must list 1 to {_MOST_DRAFTS} photos.")
    if not isinstance(replace, bool):
        raise Unfit("'replace' must be true or false.")
    ids = tuple(text({"draft": draft}, "draft") for draft in drafts)
    name, subject = checked_name(text(body, "name")), text(body, "subject", "")
    return Naming(name, ids, text(body, "basis"), subject, replace, _uses(body), text(body, "expires", "", _DAY))


def renewal(body: Mapping[str, Json]) -> Renewal:
    """What is said of a consent that is given anew.

    Raises:
        Unfit: A part is unknown or not of its kind.
    """
    for name in body:
        if name not in _RENEWED:
            raise Unfit(f"{name!r} is nothing of a consent.", f"Known: {', '.join(sorted(_RENEWED))}.")
    uses = _uses(body) if "scope" in body else None
    if uses == ():
        raise Unfit("'scope' must list at least one use.", "Without any, take the consent back.")
    return Renewal(_said(body, "basis"), _said(body, "subject"), uses, _said(body, "expires", _DAY))


def _said(body: Mapping[str, Json], name: str, longest: int = _LONGEST) -> str | None:
    return text(body, name, longest=longest) if name in body else None


def _uses(body: Mapping[str, Json]) -> tuple[str, ...]:
    scope = body.get("scope", [])
    if not isinstance(scope, list) or not all(isinstance(use, str) and use in list(Scope) for use in scope):
        raise Unfit(f"'scope' must list some of {', '.join(Scope)}.")
    return tuple(str(use) for use in scope)


def worn_as(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """What of a persona's wearing is to change.

    Raises:
        Unfit: A part is unknown or not of its kind.
    """
    for name, value in body.items():
        if name not in {*_SHARES, "favourite", "preset"}:
            raise Unfit(f"{name!r} cannot be changed.", f"Known: favourite, preset, {', '.join(sorted(_SHARES))}.")
        if value is not None and not _fits(name, value):
            raise Unfit(f"{name!r} cannot be {value!r}.")
    return body


def _fits(name: str, value: Json) -> bool:
    if name == "preset":
        return isinstance(value, str) and value in list(PresetName)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return value in range(1, 10) if name == "favourite" else 0.0 <= value <= 1.0


def _too_large(limit: int) -> TooLarge:
    told = f"{limit >> 20} MB" if limit >> 20 else f"{limit >> 10} KB"
    return TooLarge(f"That is too large: at most {told} are taken.")
