"""What every swapped picture carries before it leaves: the invisible mark, and on top the visible label."""

import logging
import secrets

from livecam.app.keys import mark_key
from livecam.config import Config, Paths
from livecam.core.frame import Size
from livecam.core.seams import Processor
from livecam.errors import PersonaError

log = logging.getLogger(__name__)

SESSION_BITS = 32


def new_session() -> int:
    """The number of a session: drawn, so that it says nothing about who or when."""
    return secrets.randbits(SESSION_BITS)


def disclosed(inner: Processor, config: Config, paths: Paths, size: Size, session: int) -> Processor:
    """`inner`, whose swapped pictures of `size` are marked and labelled.

    Raises:
        ConfigError: The label's own words show nothing.
    """
    # They bring OpenCV, which the slate does not wait for.
    from livecam.privacy.label import labelled
    from livecam.privacy.watermark import Marked, Watermark

    return labelled(Marked(inner, Watermark(_key(paths), session, size)), size, config.label)


def _key(paths: Paths) -> bytes:
    """The installation's; where there can be none, one for this run, under which sessions cannot be read later."""
    try:
        return mark_key(paths)
    except PersonaError as error:
        log.warning("The mark of this run cannot be told from another installation's. %s", error)
        return secrets.token_bytes(32)
