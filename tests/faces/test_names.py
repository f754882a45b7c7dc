"""Names that are folders everywhere, and names that are traps."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.errors import PersonaError
from livecam.faces.names import checked_name, same, unknown


@pytest.mark.parametrize("name", ["a", "ann-2", "Ann_B", "Zoë", "王小明", "मीरा", "0", "x" * 40])
def test_good_names(name: str) -> None:
    assert checked_name(name) == name


def test_composed_and_decomposed_are_one_name() -> None:
    assert checked_name(unicodedata.normalize("NFD", "Zoë")) == "Zoë"
    assert same("ANN", "ann")
    assert not same("ann", "anne")


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "/etc", ".hidden", "-x", "_x", "a b", "a\0b", "a\nb", "a.b", "a:b"),
        *("con", "NUL", "lpt1", "x" * 41, "a\u202eb", "a\u200db", "💀", "~", "a*", "\u0301a"),
    ],
)
def test_traps(name: str) -> None:
    with pytest.raises(PersonaError, match=r"cannot be a persona's name\. Use 1 to 40 letters"):
        checked_name(name)


@settings(deadline=None)
@given(st.text(max_size=45))
def test_what_passes_is_a_plain_folder_name(name: str) -> None:
    try:
        checked = checked_name(name)
    except PersonaError:
        return
    assert not set(checked) & set('/\\.: \0\n*?"<>|')
    assert checked == checked_name(checked)


def test_unknown_names_the_nearest() -> None:
    assert "Did you mean 'ann'?" in str(unknown("anm", ["nobody", "ann"]))
    assert "livecam faces list" in str(unknown("zzz", ["nobody", "ann"]))
