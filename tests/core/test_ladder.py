"""The ladder: what can be given up, in which order, and what never can."""

from dataclasses import fields

import pytest

from livecam.core.ladder import FULL, Ladder, Sharpening, Tier, ladder_for
from livecam.core.settings import Settings


def test_a_tier_has_no_word_for_safety() -> None:
    wishes = {field.name for field in fields(Settings)}
    assert {field.name for field in fields(Tier)} == {
        "name",
        "sharpening",
        "sharpen_every",
        "mask",
        "detect_every",
        "input_share",
    }
    assert not wishes & {field.name for field in fields(Tier)}


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (Tier("a"), Tier("a", mask=False)),
        (Tier("a"), Tier("b")),
        (Tier("a", mask=False), Tier("b")),
        (Tier("a", detect_every=4), Tier("b", mask=False)),
    ],
    ids=["empty", "same name", "no cheaper", "dearer", "dearer in one thing"],
)
def test_a_ladder_goes_down(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(ValueError, match=r"ladder|cheaper"):
        Ladder(tiers)


@pytest.mark.parametrize("enhancer", [True, False])
@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("detects", [True, False])
def test_only_what_is_there_is_given_up(*, enhancer: bool, small: bool, mask: bool, detects: bool) -> None:
    ladder = ladder_for(enhancer=enhancer, small_enhancer=small, mask=mask, detects=detects, shrinks=detects)
    bottom = ladder.tiers[ladder.bottom]
    assert bottom is ladder.tiers[-1]
    assert [tier.name for tier in ladder.tiers] == [
        FULL,
        *["enhancer every 2nd frame"] * enhancer,
        *["smaller enhancer"] * (enhancer and small),
        *["mask off"] * mask,
        *["detect every 4th frame", "smaller input"] * detects,
    ]
    assert (bottom.sharpen_every > 1) == enhancer
    assert (bottom.sharpening is Sharpening.SMALL) == (enhancer and small)
    assert bottom.mask != mask
    assert (bottom.detect_every > 1, bottom.input_share < 1) == (detects, detects)


@pytest.mark.parametrize(("wrong", "why"), [({"sharpen_every": 0}, "below 1"), ({"input_share": 0.0}, "input")])
def test_a_tier_whose_numbers_make_no_sense_is_refused(wrong: dict[str, float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Tier("none", **wrong)  # type: ignore[arg-type]
