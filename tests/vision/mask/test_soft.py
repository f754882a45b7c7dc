import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.vision.mask.soft import Softener


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([32, 64, 96]), st.sampled_from([32, 64, 128]), st.booleans())
def test_it_never_grows_over_what_is_kept(seed: int, inner: int, outer: int, hard: bool) -> None:
    rng = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(rng.random((inner, inner), np.float32), (0, 0), rng.uniform(0.5, 6))
    mask = np.clip((mask - 0.5) * 8 + 0.5, 0, 1)
    if hard:
        mask = (mask > 0.5).astype(np.float32)
    out = Softener()(mask, np.full((outer, outer), 77, np.uint8))
    method = cv2.INTER_AREA if outer < inner else cv2.INTER_LINEAR
    bound = cv2.resize(mask, (outer, outer), interpolation=method)
    assert out.shape == (outer, outer)
    assert (out <= 255 * bound + 1.01).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("outer", [64, 128, 256])
def test_what_is_all_or_nothing_stays_so(value: float, outer: int) -> None:
    out = Softener()(np.full((128, 128), value, np.float32), np.full((outer, outer), 77, np.uint8))
    assert (out == round(255 * value)).all()


def test_it_is_the_published_rule_at_the_size_of_the_crop() -> None:
    mask = np.zeros((128, 128), np.float32)
    mask[:, 64:] = 1
    blurred = cv2.GaussianBlur(mask, (0, 0), 5)
    wanted = (np.clip(blurred, 0.5, 1) - 0.5) * 2
    out = Softener()(mask, np.empty((128, 128), np.uint8))
    assert np.abs(out / 255 - wanted).max() < 0.004
    assert out[64, 66] < 100 < 230 < out[64, 74]


@pytest.mark.parametrize(("inner", "outer"), [(64, 128), (256, 128), (128, 512)])
def test_the_soft_edge_is_as_wide_whatever_the_size_of_the_network(inner: int, outer: int) -> None:
    hard = np.zeros((outer, outer), np.float32)
    cv2.circle(hard, (outer // 2, outer // 2), outer // 3, 1.0, -1)
    method = cv2.INTER_AREA if inner < outer else cv2.INTER_LINEAR
    mask = cv2.resize(hard, (inner, inner), interpolation=method)
    wanted = (np.clip(cv2.GaussianBlur(hard, (0, 0), 5), 0.5, 1) - 0.5) * 2
    out = Softener()(mask.astype(np.float32), np.empty((outer, outer), np.uint8))
    difference = np.abs(out / 255 - wanted)
    assert difference.mean() < 0.01
    assert difference.max() < 0.16


def test_a_thin_occluder_is_not_covered() -> None:
    mask = np.ones((128, 128), np.float32)
    mask[:, 62:65] = 0
    out = Softener()(mask, np.empty((128, 128), np.uint8))
    assert not out[:, 62:65].any()
