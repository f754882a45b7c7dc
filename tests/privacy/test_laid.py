"""Which pictures carry the mark already."""

import numpy as np

from livecam.core.cleared import How
from livecam.core.frame import NS_PER_S, Frame, Size
from livecam.core.settings import Settings
from livecam.privacy.disclosed import Disclosed
from livecam.privacy.label import Label
from livecam.privacy.laid import Laid
from livecam.privacy.watermark import Watermark
from tests.fakes import ScriptedProcessor

SIZE = Size(320, 180)


def test_a_picture_is_noted_by_its_memory_and_forgotten_once() -> None:
    laid, one, other = Laid(), np.zeros((6, 4), np.uint8), np.zeros((6, 4), np.uint8)
    laid.note(one)
    assert not laid.forget(other)
    assert laid.forget(one)
    assert not laid.forget(one)


def test_what_nobody_asks_for_does_not_pile_up() -> None:
    laid, pictures = Laid(), [np.zeros((6, 4), np.uint8) for _ in range(40)]
    for picture in pictures:
        laid.note(picture)
    assert [laid.forget(picture) for picture in pictures] == 24 * [False] + 16 * [True]


def disclosed(laid: Laid, *, notes: bool) -> np.ndarray:
    """A swapped picture, after what discloses it; `notes` as a card does that marked it."""
    out = np.full(SIZE.picture_shape, 90, np.uint8)

    def swapped(_: Frame) -> How:
        if notes:
            laid.note(out)
        return How.SWAPPED

    made = Disclosed(ScriptedProcessor(swapped), Watermark(b"key", 7, SIZE), Label(SIZE, "AI"), laid)
    frame = Frame(np.full(SIZE.image_shape, 90, np.uint8), 1, NS_PER_S)
    made.process(frame, out, Settings(label=False))
    return out


def test_what_a_card_marked_is_not_marked_again() -> None:
    laid = Laid()
    assert (disclosed(laid, notes=True) == 90).all()
    assert not (disclosed(laid, notes=False) == 90).all()


def test_a_note_of_the_picture_before_in_the_same_memory_says_nothing() -> None:
    """Such as of one that a card marked, and that was then withheld."""
    laid, out = Laid(), np.full(SIZE.picture_shape, 90, np.uint8)
    made = Disclosed(ScriptedProcessor(lambda _: How.SWAPPED), Watermark(b"key", 7, SIZE), Label(SIZE, "AI"), laid)
    laid.note(out)
    made.process(Frame(np.full(SIZE.image_shape, 90, np.uint8), 1, NS_PER_S), out, Settings(label=False))
    assert not (out == 90).all()
