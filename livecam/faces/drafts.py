"""Pictures that may become a persona: looked at, not yet kept. They live in memory, few and for a while."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from livecam.errors import PersonaError
from livecam.faces.photo import Photo
from livecam.faces.quality import Quality

MOST: Final = 20
MOST_BYTES: Final = 200 * 1_000_000
LONGEST_S: Final = 30 * 60.0


@dataclass(frozen=True, slots=True)
class Draft:
    """A picture that may become a persona.

    Attributes:
        id: Names it.
        quality: How good it is.
        thumbnail: JPEG of the face, at most 256 px.
    """

    id: str
    quality: Quality
    thumbnail: bytes

    @property
    def advice(self) -> tuple[str, ...]:
        """What would make a better one."""
        return self.quality.advice


@dataclass(frozen=True, slots=True)
class _Kept:
    name: str
    data: bytes
    since_s: float


class Drafts:
    """The bytes behind drafts. The oldest make room for new ones. One thread at a time.

    Args:
        now_s: Monotonic time.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, photo: Photo) -> str:
        """Keep the file of `photo`; what names it."""
        self._drop_old()
        number = secrets.token_hex(8)
        self._kept[number] = _Kept(photo.name, photo.data, self._now_s())
        while len(self._kept) > MOST or sum(len(kept.data) for kept in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)
        return number

    def take(self, numbers: Sequence[str]) -> list[tuple[bytes, str]]:
        """Files and names of those drafts. They stay until `drop`.

        Raises:
            PersonaError: One is not there any more.
        """
        self._drop_old()
        if not all(number in self._kept for number in numbers):
            raise PersonaError(
                "A picture is not there any more: only the last few are kept, for half an hour.", "Add it again."
            )
        return [(self._kept[number].data, self._kept[number].name) for number in numbers]

    def drop(self, numbers: Sequence[str]) -> None:
        """Forget those drafts."""
        for number in numbers:
            self._kept.pop(number, None)

    def _drop_old(self) -> None:
        oldest_s = self._now_s() - LONGEST_S
        self.drop([number for number, kept in self._kept.items() if kept.since_s < oldest_s])
