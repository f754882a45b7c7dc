import time

import cv2
import numpy as np

from livecam.core.frame import Image, Points
from livecam.vision.hands.edge import EdgeFinder
from tests.vision.hands.stands import hand_mask, hand_points, with_hand

SHAPE = (128, 128, 3)
TRUE = hand_points((64, 110), 40)


def moved(x: float, y: float) -> Points:
    return TRUE + np.array([x, y, 0], np.float32)


def scene() -> Image:
    """(h, w, 3) u8 Lab: a hand before a face of nearly its colour."""
    face = np.full(SHAPE, (135, 165, 205), np.uint8)
    return cv2.cvtColor(with_hand(face, TRUE), cv2.COLOR_BGR2LAB).astype(np.uint8)


def wrong(found: Image) -> float:
    """Cells that are wrong, as a share of the hand."""
    truth = hand_mask(TRUE, SHAPE) > 127
    return float(((found > 127) != truth).sum() / truth.sum())


def test_colours_put_a_wrong_outline_right() -> None:
    lab = scene()
    finder = EdgeFinder()
    drawn = hand_mask(moved(3, 2), SHAPE)
    found = finder(lab, drawn, 40)
    assert wrong(found) < 0.7 * wrong(drawn)


def test_nothing_far_from_the_outline_is_hand_whatever_its_colour() -> None:
    lab = np.full(SHAPE, (150, 140, 140), np.uint8)
    drawn = hand_mask(TRUE, SHAPE)
    found = EdgeFinder()(lab, drawn, 40)
    far = cv2.dilate(drawn, np.ones((25, 25), np.uint8)) == 0
    assert far.any()
    assert not found[far].any()


def test_without_a_difference_of_colours_the_outline_stays() -> None:
    drawn = hand_mask(TRUE, SHAPE)
    assert wrong(EdgeFinder()(np.full(SHAPE, (150, 140, 140), np.uint8), drawn, 40)) < 0.12


def test_colours_are_learnt_over_time() -> None:
    drawn = hand_mask(moved(3, 2), SHAPE)
    finder = EdgeFinder()
    finder(scene(), drawn, 40)
    pale = np.full(SHAPE, (150, 140, 140), np.uint8)
    assert (finder(pale, drawn, 40) != EdgeFinder()(pale, drawn, 40)).any()


def test_a_huge_hand_is_no_burden() -> None:
    took_s = []
    for _ in range(3):
        started = time.perf_counter()
        EdgeFinder()(scene(), hand_mask(TRUE, SHAPE), 5000)
        took_s.append(time.perf_counter() - started)
    assert min(took_s) < 0.5
