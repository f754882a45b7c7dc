"""The end-to-end test's own eyes: what it takes a picture for. Needs no guest."""

import threading
import time

import cv2
import numpy as np
import pytest

from livecam.core.frame import Image
from livecam.core.stamp import stamp
from livecam.privacy.slate import draw_slate
from tests.e2e.guest.bench import default_slate
from tests.e2e.guest.ledger import JobFailed, Ledger
from tests.e2e.guest.readers import Deliveries, Reader, Seen, age_after_write_ms, rate
from tests.e2e.picture import SIZE, colour_error, draw_card
from tests.patience import UNHURRIED_S

_MS = 1_000_000


def through_i420(image: Image) -> Image:
    picture = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420), np.uint8)


def numbered(number: int) -> Image:
    image = draw_card()
    stamp(image, number, 0)
    return image


def seen_of(*images: Image) -> list[Seen]:
    def reading(device: str, stop: threading.Event) -> Deliveries:
        for i, image in enumerate(images):
            yield image, (i * 33 + 5) * _MS, i * 33 * _MS

    with Reader("no device", reading, default_slate()) as reader:
        pass
    return reader.seen


def kind(seen: Seen) -> str:
    return next(name for name in ("live", "slate", "black", "torn", "foreign") if getattr(seen, name))


def test_each_kind_of_picture_is_told_from_the_others_after_the_way_through_the_sink() -> None:
    green = np.full(SIZE.image_shape, (0, 154, 0), np.uint8)
    pictures = [numbered(7), default_slate(), np.zeros(SIZE.image_shape, np.uint8), green, draw_card()]
    seen = seen_of(*(through_i420(picture) for picture in pictures))
    assert [kind(one) for one in seen] == ["live", "slate", "black", "foreign", "foreign"]
    assert seen[0].number == 7


def test_a_torn_picture_is_made_of_known_ones_only() -> None:
    slate, black, card = default_slate(), np.zeros(SIZE.image_shape, np.uint8), numbered(7)
    intruder = np.asarray(draw_slate(SIZE, "intruder"), np.uint8)
    pictures = [
        torn(black, slate),
        torn(slate, card),
        torn(intruder, black, 320),
        torn(black, intruder),
        torn(slate, card + 40),
    ]
    seen = seen_of(*(through_i420(picture) for picture in pictures))
    assert [kind(one) for one in seen] == ["torn", "torn", "foreign", "foreign", "foreign"]


def torn(upper: Image, lower: Image, row: int = 200) -> Image:
    """`upper` down to the middle of `row`, then `lower`."""
    image = lower.copy()
    image[:row], image[row, :300] = upper[:row], upper[row, :300]
    return image


def test_another_size_is_seen_and_is_not_the_slate() -> None:
    small = cv2.resize(default_slate(), (320, 240))
    (seen,) = seen_of(np.asarray(small, np.uint8))
    assert seen.size != SIZE
    assert kind(seen) == "foreign"


def test_the_cards_colours_survive_the_right_matrix_only() -> None:
    assert colour_error(through_i420(draw_card())) <= 8
    swapped = np.ascontiguousarray(draw_card()[..., ::-1])
    assert colour_error(swapped) > 100


def test_rate_and_age_are_those_of_the_reader() -> None:
    seen = seen_of(*(numbered(i) for i in range(31)))
    assert rate(seen) == pytest.approx(1000 / 33)
    assert age_after_write_ms(seen) == 5
    assert rate(seen[:1]) == 0


def test_a_picture_that_never_comes_fails_the_job() -> None:
    def silent(device: str, stop: threading.Event) -> Deliveries:
        if not stop.wait(2 * UNHURRIED_S):
            yield numbered(1), 0, 0

    with Reader("no device", silent, default_slate()) as reader:
        started = time.monotonic()
        with pytest.raises(JobFailed, match="the card did not reach the reader"):
            reader.wait_for("the card", lambda one: one.live, 0.1)
        assert time.monotonic() - started < UNHURRIED_S


def passes(*values: float) -> bool:
    ledger = Ledger()
    for value in values:
        ledger.at_most("colours", value, 8, "levels")
    return ledger.passed


def test_one_figure_beyond_its_limit_fails_the_whole_and_so_does_no_figure() -> None:
    assert passes(7.9, 8)
    assert not passes(8.1, 8)
    assert not passes(8, float("nan"))
    assert not passes()


def tried(first: list[bool], second: list[bool]) -> Ledger:
    """A job of two checks, the second of which is about what was shown."""
    ledger, tries = Ledger(), iter((first, second))
    ledger.check("of another job", False, "", "")
    ledger.begin("job")
    for good, shown in zip(next(tries), (False, True), strict=True):
        ledger.check("one", good, "", "", shown=shown)
    if ledger.begin_again():
        for good, shown in zip(next(tries), (False, True), strict=True):
            ledger.check("one", good, "", "", shown=shown)
    return ledger


def test_a_figure_that_is_missed_is_tried_again_and_a_picture_that_must_not_be_seen_is_not() -> None:
    def found(ledger: Ledger) -> list[bool]:
        return [check.passed for check in ledger.checks if check.job == "job"]

    good = [True, True]
    assert found(tried(good, [False, False])) == good
    assert found(tried([False, True], good)) == good
    assert found(tried([False, True], [False, True])) == [False, True]
    assert found(tried([True, False], good)) == [True, False]
    assert found(tried([False, False], good)) == [False, False]
    assert len(tried(good, good).checks) == 3, "what other jobs came to stays"
    seen = Ledger()
    seen.begin("job")
    seen.check("one", False, "", "")
    seen.foreign = 1
    assert not seen.begin_again()
