"""How files are known, and what is said of one that is in the wrong place."""

import pytest

from livecam.errors import StudioError
from livecam.studio.layouts import BASE, Form, closest, fitting
from livecam.studio.tensors import Tensor
from livecam.studio.terms import Slot
from tests.studio.model_files import SMALL

FORM = Form("it", {"a": (2, None), "b": (3,)}, ("x.", ""))


def tensors(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    return {name.replace("__", "."): Tensor("F16", shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("found", [tensors(a=(2, 9), b=(3,)), tensors(x__a=(2, 1), x__b=(3,), c=())])
def test_a_form_fits_under_each_prefix(found: dict[str, Tensor]) -> None:
    assert FORM.misfit(found) == ""


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (tensors(a=(2, 9)), "it has no key 'b'"),
        (tensors(x__a=(2, 9)), "it has no key 'x.b'"),
        (tensors(a=(3, 9), b=(3,)), "'a' is 3 x 9 and must be 2 x any"),
        (tensors(a=(2,), b=(3,)), "'a' is 2 and must be 2 x any"),
        (tensors(a=(), b=(3,)), "'a' is a single number and must be 2 x any"),
    ],
)
def test_a_misfit_names_the_key_or_the_shape(found: dict[str, Tensor], told: str) -> None:
    assert FORM.misfit(found) == told


def test_of_several_forms_one_has_to_fit_and_the_nearest_is_told() -> None:
    forms = Form("one", {"a": (1,)}), Form("two", {"b": (2,)})
    assert fitting(forms, tensors(b=(2,))) is forms[1]
    assert fitting(forms, tensors(b=(3,))) is None
    assert closest(forms, tensors(b=(3,))) == "'b' is 3 and must be 2"


def test_parts_are_found_by_name() -> None:
    assert SMALL.part(BASE) is SMALL.base
    assert SMALL.part("eva").what == "small eyes"
    assert [part.name for part in SMALL.of(frozenset({"eva", Slot.ATTENTION}))] == [BASE, Slot.ATTENTION, "eva"]
    assert SMALL.part(Slot.ATTENTION).needs == ("eva",)
    assert SMALL.part(Slot.LANDMARKS).needs == SMALL.base.needs == ()


def test_a_slot_without_public_weights_says_what_there_is() -> None:
    with pytest.raises(StudioError, match=r"no public tokens weights for FLUX.1 \[dev\]. There is another adapter"):
        SMALL.part("tokens")


def test_a_part_that_nothing_has_is_told_with_those_there_are() -> None:
    with pytest.raises(StudioError, match=r"flux1 has no part .eyes.\. Its extras: eva"):
        SMALL.part("eyes")
