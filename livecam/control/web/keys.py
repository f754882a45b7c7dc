"""Who may do what: the secrets of one panel, and the cookie that stands for the token in the browser."""

import hashlib
import hmac
import secrets
from typing import Final

_BROWSER: Final = 12
"""Bytes by which a browser is told from another."""


class Keys:
    """The secrets of one panel.

    Args:
        picture: Opens the output picture and nothing else; it stands in the settings of other programs (OBS), so that
            it outlives a run and must not open more. Made up when empty.

    Attributes:
        token: Opens everything, once for each browser; in the address that is printed.
        picture: As above.
    """

    def __init__(self, picture: str = "") -> None:
        self.token = secrets.token_urlsafe(24)
        self.picture = picture or secrets.token_urlsafe(24)
        self._seal = secrets.token_bytes(32)

    def is_token(self, given: str) -> bool:
        """Whether `given` is the token."""
        return secrets.compare_digest(given.encode(), self.token.encode())

    def is_picture(self, given: str) -> bool:
        """Whether `given` opens the output picture."""
        return secrets.compare_digest(given.encode(), self.picture.encode())

    def cookie(self) -> str:
        """A new browser's cookie: its name and a seal, so that nothing has to be remembered."""
        browser = secrets.token_hex(_BROWSER)
        return f"{browser}.{self._sealed(browser)}"

    def browser(self, cookie: str) -> str:
        """The browser that `cookie` was made for; "" when it is no cookie of this panel."""
        browser, _, seal = cookie.partition(".")
        return browser if secrets.compare_digest(seal.encode(), self._sealed(browser).encode()) else ""

    def _sealed(self, browser: str) -> str:
        return hmac.new(self._seal, browser.encode(), hashlib.sha256).hexdigest()
