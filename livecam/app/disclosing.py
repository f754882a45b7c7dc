"""What every swapped picture carries before it leaves: the invisible mark, and on top the visible label."""

import logging
import secrets
import threading
import weakref
from typing import TYPE_CHECKING

from livecam.app.keys import mark_key
from livecam.config import Config, LabelConfig, Paths
from livecam.core.frame import Size
from livecam.core.seams import Processor
from livecam.errors import PersonaError
from livecam.privacy.laid import Laid

if TYPE_CHECKING:
    from livecam.canvas.marking import CardMark
    from livecam.privacy.disclosed import Disclosed

log = logging.getLogger(__name__)

SESSION_BITS = 32


def new_session() -> int:
    """The number of a session: drawn, so that it says nothing about who or when."""
    return secrets.randbits(SESSION_BITS)


class Disclosing:
    """Marks and labels what processors of one run make; they come and go, what the label says stays.

    Args:
        config: Section ``label``.
        paths: Where the installation's key is.
        size: Of the pictures.
        session: What the mark says.
        marks: False only where a policy says so.
    """

    def __init__(self, config: Config, paths: Paths, size: Size, session: int, marks: bool = True) -> None:
        self._label = config.label
        self._paths = paths
        self._size = size
        self._session = session
        self._marks = marks
        self._lock = threading.Lock()
        self._now: weakref.ref[Disclosed] | None = None
        self._key = b""
        self._laid = Laid()

    def card_mark(self) -> "CardMark | None":
        """What canvases on a graphics card mark pictures with; None where a policy says not to. Any thread."""
        if not self._marks:
            return None
        from livecam.canvas.marking import CardMark
        from livecam.privacy.watermark import patterns_of

        with self._lock:
            key = self._own_key()
        return CardMark(patterns_of(key, self._session), self._laid)

    def _own_key(self) -> bytes:
        self._key = self._key or mark_key_or_drawn(self._paths)
        return self._key

    def __call__(self, inner: Processor) -> Processor:
        """`inner`, whose swapped pictures are marked and labelled.

        Raises:
            ConfigError: The label's own words show nothing.
        """
        # They bring OpenCV, which the slate does not wait for.
        from livecam.privacy.disclosed import Disclosed
        from livecam.privacy.label import Label, words
        from livecam.privacy.watermark import Watermark

        with self._lock:
            mark = Watermark(self._own_key(), self._session, self._size) if self._marks else None
            made = Disclosed(inner, mark, Label(self._size, words(self._label)), self._laid)
            self._now = weakref.ref(made)
        return made

    def relabel(self, config: LabelConfig) -> str:
        """Have the label say what `config` says, from the next picture on; what it says now. Any thread.

        Raises:
            ConfigError: Its own words show nothing; nothing changed.
        """
        from livecam.privacy.label import Label, words

        text = words(config)
        label = Label(self._size, text)
        with self._lock:
            self._label = config
            made = self._now() if self._now is not None else None
            if made is not None:
                made.relabel(label)
        return f"The label says {text!r}."


def mark_key_or_drawn(paths: Paths) -> bytes:
    """The installation's; where there can be none, one for this run, under which sessions cannot be read later."""
    try:
        return mark_key(paths)
    except PersonaError as error:
        log.warning("The mark of this run cannot be told from another installation's. %s", error)
        return secrets.token_bytes(32)
