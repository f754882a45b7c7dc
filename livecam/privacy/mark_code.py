"""The invisible mark as numbers: where in the spectrum it lies, which signs it has, and what it says.

A picture's luma, brought to a canvas of 256x144 whatever its size, is taken as a spectrum (DCT). In a ring of middle
frequencies every coefficient is pushed a little up or down by a key. A quarter of them, drawn once and for all, say
only that livecam was here: the presence layer, whose key is public. The others say 48 bits, under the key of one
installation: which session it was. Four sets of signs take turns, a second each, so that the scene, which stays, can be
told from the mark, which changes.
"""

import binascii
from dataclasses import dataclass
from hashlib import shake_256
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

CANVAS_WIDTH: Final = 256
CANVAS_HEIGHT: Final = 144

TURNS: Final = 4
"""Sets of signs, one after the other."""

TURN_NS: Final = 1_000_000_000
"""How long each of them lasts."""

BITS: Final = 48
"""What the session layer says: 32 bits of the session, 16 that check them."""

PUBLIC_KEY: Final = b"livecam presence layer 1"
"""Of the presence layer; anybody may look for it, and whoever knows it can also take it away or forge it."""

_SESSION_BITS: Final = 32
# Radii of the ring in the canvas's DCT; wavelengths of about 20 to 100 px of a picture 1280 px wide.
_INNER, _OUTER = 24.0, 120.0
_PRESENCE_SHARE: Final = 0.25

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


def bits_of(session: int) -> npt.NDArray[np.int8]:
    """(48,) of 0 and 1: `session`, 32 bits, and its check.

    Raises:
        ValueError: It has more than 32 bits.
    """
    if not 0 <= session < 1 << _SESSION_BITS:
        raise ValueError(f"A session's number has {_SESSION_BITS} bits; {session} does not fit.")
    data = session.to_bytes(4, "big")
    checked = data + binascii.crc_hqx(data, 0xFFFF).to_bytes(2, "big")
    return np.unpackbits(np.frombuffer(checked, np.uint8)).astype(np.int8)


def session_in(bits: npt.NDArray[np.int8]) -> int | None:
    """The session that (48,) `bits` say; None where their check is wrong."""
    data = np.packbits(bits.astype(np.uint8)).tobytes()
    session = int.from_bytes(data[:4], "big")
    return session if np.array_equal(bits_of(session), bits) else None


@dataclass(frozen=True, slots=True)
class Layout:
    """Which coefficients carry what. The same for everybody.

    Attributes:
        ring: Places in the flattened canvas spectrum.
        presence: Of those, which say that livecam was here.
        data: Of those, which say the bits.
        bit: For each of `data`, which bit.
    """

    ring: Places
    presence: Places
    data: Places
    bit: Places


def layout() -> Layout:
    """The layout, drawn by the public key."""
    across, down = np.arange(CANVAS_WIDTH)[None, :], np.arange(CANVAS_HEIGHT)[:, None]
    radius = np.hypot(across, down)
    inside = (radius >= _INNER) & (radius <= _OUTER) & (across > 0) & (down > 0)
    ring = np.flatnonzero(inside)
    drawn = np.frombuffer(shake_256(PUBLIC_KEY + b"/layout").digest(8 * len(ring)), "<u8")
    order = np.argsort(drawn, kind="stable")
    count = int(_PRESENCE_SHARE * len(ring))
    data = order[count:]
    return Layout(ring, order[:count], data, np.arange(len(data)) % BITS)


def signs(key: bytes, layer: bytes, turn: int, count: int) -> Floats:
    """(count,) of -1 and 1, drawn by `key`: SHAKE-256 of key, layer and turn."""
    digest = shake_256(key + b"/" + layer + b"/" + str(turn).encode()).digest((count + 7) // 8)
    drawn = np.unpackbits(np.frombuffer(digest, np.uint8))[:count]
    return drawn.astype(np.float32) * 2 - 1


@dataclass(frozen=True, slots=True)
class Code:
    """The signs of one installation.

    Attributes:
        layout: Where they belong.
        presence: For each turn, signs of the presence layer.
        data: For each turn, signs of the session layer, to be multiplied by the bits' own.
    """

    layout: Layout
    presence: tuple[Floats, ...]
    data: tuple[Floats, ...]

    @classmethod
    def of(cls, key: bytes) -> "Code":
        """The code under the installation's `key`."""
        places = layout()
        presence = (signs(PUBLIC_KEY, b"presence", turn, len(places.presence)) for turn in range(TURNS))
        data = (signs(key, b"session", turn, len(places.data)) for turn in range(TURNS))
        return cls(places, tuple(presence), tuple(data))

    def pattern(self, bits: npt.NDArray[np.int8], turn: int) -> Floats:
        """(144, 256) f32 with a standard deviation of 1: what `bits` look like in that turn."""
        places, spectrum = self.layout, np.zeros((CANVAS_HEIGHT, CANVAS_WIDTH), np.float32)
        values = np.empty(len(places.ring), np.float32)
        values[places.presence] = self.presence[turn]
        values[places.data] = self.data[turn] * (bits.astype(np.float32) * 2 - 1)[places.bit]
        spectrum.flat[places.ring] = values
        drawn = np.asarray(cv2.idct(spectrum), np.float32)
        return drawn / np.float32(drawn.std())
