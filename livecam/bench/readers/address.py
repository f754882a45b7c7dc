"""Where a reader reads."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

from livecam.core.frame import Image, Size

OPEN_S = 20.0
"""How long a reader tries to open what it reads."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a reader is told.

    Attributes:
        kind: ``v4l2``, ``pipewire`` or ``web``.
        target: Device path, node name or URL. A URL holds the run's secret.
        width: Of the pictures, px.
        height: Of the pictures, px.
    """

    kind: str
    target: str
    width: int
    height: int

    @property
    def size(self) -> Size:
        """Of the pictures."""
        return Size(self.width, self.height)

    def to_json(self) -> str:
        """One line for the reader's standard input: a command line can be read by every user of the machine."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Address":
        """Read back what `to_json` wrote."""
        return cls(**json.loads(text))


Reading: TypeAlias = Iterator[tuple[int, Image]]
"""For every picture the monotonic time, ns, at which its pixels were there, and the pixels: BGR or luma."""

Open: TypeAlias = Callable[[Address], Reading]
"""Reads an address until it is closed. Raises `LivecamError` when there is nothing to read."""
