"""Which of a camera's modes to ask for, and why. A pure function, so that it is tested on real cameras' lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from livecam.capture.devices import CameraFormat
from livecam.core.frame import Size
from livecam.core.spec import SourceWish

COMPRESSED: Final = ("MJPG", "JPEG")
RAW: Final = ("NV12", "YU12", "YV12", "NV21", "YUYV", "UYVY", "BGR3", "RGB3", "GREY")
"""What can be read, fewest bytes a picture first. H264 and HEVC streams of cameras cannot."""

LARGE_ROWS: Final = 720
"""From this height raw pictures do not fit through USB 2: 1280x720 YUYV at 30 fps takes 55 of its 35-40 MB/s."""

SMOOTH_FPS: Final = 30.0
"""What is enough when the wish cannot be met: the size comes next."""

_TOLERANCE = 0.95
_LARGEST_AREA = 4.0
_UNTOLD = "MJPG"


@dataclass(frozen=True, slots=True)
class Choice:
    """The mode to ask for.

    Attributes:
        fourcc: Format.
        size: Of the camera's pictures.
        fps: Rate.
        why: The rest of a sentence that begins with the mode.
    """

    fourcc: str
    size: Size
    fps: float
    why: str

    def __str__(self) -> str:
        return f"{self.fourcc} {self.size} at {self.fps:g} fps ({self.why})"


@dataclass(frozen=True, slots=True)
class _Mode:
    fourcc: str
    size: Size
    fps: float


def choose_format(formats: Sequence[CameraFormat], wish: SourceWish, fourcc: str = "") -> Choice:
    """The mode among `formats` that comes nearest to `wish`.

    Exact size and rate first, then the next larger size at that rate, then smooth motion at the nearest size, then
    what is left. Of equal modes MJPG is taken for large pictures and a raw format for small ones.

    Args:
        formats: What the camera offers; empty where the system does not tell.
        wish: Size and rate that are wanted.
        fourcc: Format that the user insists on; empty for none.
    """
    modes = list(_modes(formats, wish))
    if not modes:
        why = "the system does not tell what the camera offers" if not formats else "none of its formats is known"
        return Choice(fourcc or _UNTOLD, wish.size, wish.fps, f"asked for blindly: {why}")
    insisted = [mode for mode in modes if mode.fourcc == fourcc]
    best = min(insisted or modes, key=lambda mode: _distance(mode, wish))
    notes = [_about_size(best.size, wish.size), _about_rate(best, wish, modes), _about_format(best, fourcc, modes)]
    return Choice(best.fourcc, best.size, best.fps, ", ".join(note for note in notes if note))


def _modes(formats: Sequence[CameraFormat], wish: SourceWish) -> Iterator[_Mode]:
    for form in formats:
        if form.fourcc in COMPRESSED + RAW and min(form.size) > 1:
            yield _Mode(form.fourcc, _within(form, wish.size), _rate(form.fps, wish.fps))


def _within(form: CameraFormat, wanted: Size) -> Size:
    """The size of `form`; of a range, the one nearest to `wanted`."""
    if form.least is None:
        return form.size
    sides = (max(low, min(side, high)) // 2 * 2 for low, side, high in zip(form.least, wanted, form.size, strict=True))
    return Size(*sides)


def _rate(rates: Sequence[float], wanted: float) -> float:
    """The slowest rate that is fast enough, else the fastest; the wanted one where the driver tells none."""
    if not rates:
        return wanted
    enough = [rate for rate in rates if rate >= wanted * _TOLERANCE]
    return min(enough) if enough else max(rates)


def _distance(mode: _Mode, wish: SourceWish) -> tuple[float, ...]:
    """How far `mode` is from `wish`; compared from the first number on."""
    area = mode.size.width * mode.size.height / (wish.size.width * wish.size.height)
    covers = mode.size.width >= wish.size.width and mode.size.height >= wish.size.height and area <= _LARGEST_AREA
    fast = mode.fps >= wish.fps * _TOLERANCE
    smooth = mode.fps >= min(wish.fps, SMOOTH_FPS) * _TOLERANCE
    rank = 0 if fast and covers else 1 if smooth and covers else 2 if smooth else 3
    off = area - 1 if covers else 1 / area if area < 1 else area
    by_size_or_rate = (off, -mode.fps) if smooth else (-mode.fps, off)
    return (rank, *by_size_or_rate, _taste(mode))


def _taste(mode: _Mode) -> int:
    compressed = mode.fourcc in COMPRESSED
    order = COMPRESSED + RAW if mode.size.height >= LARGE_ROWS else RAW + COMPRESSED
    # A format that is not compressed at a large size is still better than grey, which comes last of all.
    return len(order) if mode.fourcc == "GREY" and not compressed else order.index(mode.fourcc)


def _about_size(size: Size, wanted: Size) -> str:
    if size == wanted:
        return "the size that was asked for"
    larger = size.width >= wanted.width and size.height >= wanted.height
    fitted = "scaled" if size.width * wanted.height == size.height * wanted.width else "letterboxed"
    return f"the nearest {'larger' if larger else 'smaller'} size, {fitted} to {wanted}"


def _about_rate(best: _Mode, wish: SourceWish, modes: Sequence[_Mode]) -> str:
    if best.fps < wish.fps * _TOLERANCE:
        return f"its fastest, though {wish.fps:g} fps were asked for"
    slow = [mode.fps for mode in modes if mode.size == wish.size]
    if best.size != wish.size and slow and max(slow) < wish.fps * _TOLERANCE:
        return f"since {wish.size} comes at {max(slow):g} fps only"
    return ""


def _about_format(best: _Mode, insisted: str, modes: Sequence[_Mode]) -> str:
    if insisted:
        return "the format that was asked for" if best.fourcc == insisted else f"it offers no {insisted}"
    if len({mode.fourcc for mode in modes}) == 1:
        return "the only format that can be read"
    rivals = {mode.fourcc for mode in modes if mode.size == best.size and mode.fps >= best.fps} - {best.fourcc}
    if best.fourcc in COMPRESSED and best.size.height >= LARGE_ROWS:
        return "compressed because raw pictures of that size do not fit through USB 2"
    if not rivals:
        return "the only format at that size and rate"
    return "raw, which needs no decoding" if rivals & set(COMPRESSED) else "the smallest of its raw formats"
