"""Who may see the preview: programs on this machine that know the token, and pages of the preview itself."""

import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
"""Sent with every answer."""

PUBLIC: Final = frozenset({"/page.css", "/page.js"})
"""Paths that hold no secret and need no token."""


class Refusal(NamedTuple):
    """An HTTP status and a sentence."""

    status: int
    text: str


def refusal(headers: Mapping[str, str], path: str, given: str, token: str) -> Refusal | None:
    """Why a request must be refused, or None when it may be answered.

    Args:
        headers: Of the request, with lower-case names.
        path: Such as ``/stream.mjpg``.
        given: The token in the request; empty when there is none.
        token: The right one.
    """
    host = headers.get("host", "")
    if not is_loopback(host):
        # A foreign name that was made to resolve to this machine (DNS rebinding).
        return Refusal(421, "livecam answers to 127.0.0.1 and localhost only.")
    if headers.get("origin", f"http://{host}") != f"http://{host}" or is_embedded_elsewhere(headers):
        return Refusal(403, "Other pages may not read the preview.")
    if path not in PUBLIC and not secrets.compare_digest(given.encode(), token.encode()):
        return Refusal(403, "The address must carry ?token=..., as livecam prints it.")
    return None


def is_loopback(host: str) -> bool:
    """Whether a ``Host`` header names this machine by itself, with whatever port."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_embedded_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of another site asks, not for the user to follow a link."""
    # A link that is followed from elsewhere is fine: the token is checked, and reading is all one can do here.
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    return site not in ("none", "same-origin") and mode != "navigate"
