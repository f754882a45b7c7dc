"""What views count: real ones outweigh generated ones, whatever their number, and every vector has length 1."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.core.persona import Basis, Consent
from livecam.errors import ContractError
from livecam.faces.pack import SHARE, Origin, View, consent_digest, slerp, weights_in
from livecam.vision.angles import BASE, BINS, HeadAngles, bin_of
from livecam.vision.recognise import cosine
from tests.faces.packs import pack_of, vector, view

views = st.lists(
    st.builds(
        view,
        st.integers(0, 30),
        st.floats(-80, 80),
        st.floats(-40, 40),
        st.sampled_from(list(Origin)),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(views)
def test_real_views_outweigh_generated_ones(many: list[View]) -> None:
    """In the base as a whole, and in every bin, where generated ones count nothing beside a real one."""
    many = [view(), *many]
    weights = weights_in(many)
    real = sum(weight for weight, one in zip(weights, many, strict=True) if one.real)
    made = sum(weight for weight, one in zip(weights, many, strict=True) if not one.real)
    assert made <= 0.3 * real + 1e-9
    assert all(0 <= weight <= one.weight for weight, one in zip(weights, many, strict=True))
    with_real = {bin_of(one.angles) for one in many if one.real}
    assert not any(
        weight for weight, one in zip(weights, many, strict=True) if not one.real and bin_of(one.angles) in with_real
    )


@settings(max_examples=40, deadline=None)
@given(views)
def test_a_bin_with_a_real_view_does_not_hear_of_generated_ones(many: list[View]) -> None:
    """Its mean is that of the real ones: turned against the base by `SHARE` of the way to it."""
    pack = pack_of(view(), *many)
    rows = pack.vectors()
    assert rows.shape == (1 + BINS, 512)
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    for number in range(BINS):
        there = [one for one in pack.views if bin_of(one.angles) == number]
        heard = [one for one in there if one.real] or there
        if not heard:
            assert np.array_equal(rows[1 + number], rows[BASE])
            continue
        mean = np.sum([one.vector for one in heard], axis=0)
        mean /= np.linalg.norm(mean)
        assert np.abs(rows[1 + number] - slerp(rows[BASE], mean, SHARE)).max() < 1e-5


def test_generated_views_of_other_bins_move_the_base_a_little() -> None:
    alone = pack_of(view()).vectors()[BASE]
    many = [view(seed, 40.0, origin=Origin.GENERATED) for seed in range(3, 25)]
    moved = pack_of(view(), *many).vectors()[BASE]
    assert not np.array_equal(moved, alone)
    assert cosine(moved, view().vector) > cosine(moved, many[0].vector)


def test_a_view_without_weight_counts_nothing() -> None:
    profile = view(7, 67.0, origin=Origin.GENERATED, weight=0.0)
    assert np.array_equal(pack_of(view(), profile).vectors(), pack_of(view()).vectors())


def test_views_of_one_origin_take_the_place_of_those_before() -> None:
    pack = pack_of(view(), view(1, 20.0, origin=Origin.WEBCAM), view(2, 40.0, origin=Origin.GENERATED))
    fresh = [view(5, -20.0, origin=Origin.GENERATED), view(6, -40.0, origin=Origin.GENERATED)]
    changed = pack.with_views(Origin.GENERATED, fresh, "d" * 64)
    assert changed.of(Origin.GENERATED) == tuple(fresh)
    assert changed.of(Origin.WEBCAM) == pack.of(Origin.WEBCAM)
    assert changed.consent == "d" * 64
    assert changed.made > pack.made


def test_views_that_cancel_each_other_are_nobodys() -> None:
    one = view()
    with pytest.raises(ContractError):
        pack_of(one, replace(one, vector=-one.vector, angles=HeadAngles(40.0, 0.0))).vectors()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1))
def test_slerp_keeps_to_the_great_circle(one: int, other: int, share: float) -> None:
    start, end = vector(one, 3.0), vector(other, 3.0)
    between = slerp(start, end, share)
    assert abs(float(np.linalg.norm(between)) - 1) < 1e-5
    turn = float(np.arccos(np.clip(np.float64(start @ end), -1, 1)))
    gone = float(np.arccos(np.clip(np.float64(start @ between), -1, 1)))
    assert gone == pytest.approx(share * turn, abs=1e-3)


def test_of_opposite_vectors_slerp_stays() -> None:
    assert np.array_equal(slerp(vector(0), -vector(0), 0.5), vector(0))


def test_a_consent_is_named_by_what_it_says() -> None:
    consent = Consent(Basis.SELF, "Ann", "2026-11-21T10:00:00.000+00:00", ("a" * 64,))
    assert consent_digest(consent) == consent_digest(replace(consent))
    assert consent_digest(consent) != consent_digest(replace(consent, subject="Bob"))
    assert consent_digest(consent) != consent_digest(replace(consent, basis=Basis.WRITTEN))
