"""Any text is an order or a sentence, and every order can be written down and read again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecam.control.grammar import LONGEST, WORDS, Ask, NotUnderstood, Order, Step, help_text, parse, written
from livecam.core.settings import (
    Eyes,
    Hold,
    Mode,
    Others,
    Panic,
    Release,
    Resume,
    SetBlend,
    SetEyes,
    SetMode,
    SetOthers,
    SetPersona,
    SetShape,
    SetSteadiness,
)

UNIT = st.floats(0, 1)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40)
ORDERS: st.SearchStrategy[Order] = st.one_of(
    st.sampled_from([Panic(), Resume(), Hold(), Release(), Step(1), Step(-1), *Ask]),
    st.builds(SetMode, st.sampled_from(Mode)),
    st.builds(SetOthers, st.sampled_from(Others)),
    st.builds(SetEyes, st.sampled_from(Eyes)),
    st.builds(SetPersona, NAMES),
    st.builds(SetShape, UNIT),
    st.builds(SetSteadiness, UNIT),
    st.builds(SetBlend, UNIT),
)


@given(ORDERS)
def test_what_is_written_is_read_as_the_same(order: Order) -> None:
    assert parse(written(order)) == order


@given(st.one_of(st.text(), st.builds("{} {}".format, st.sampled_from(sorted(WORDS)), st.text())))
def test_any_text_is_an_order_or_a_sentence(text: str) -> None:
    try:
        order: Order | None = parse(text)
        sentence = ""
    except NotUnderstood as error:
        order, sentence = None, str(error)
    assert sentence.endswith((".", "?", "!")) if order is None else parse(written(order)) == order


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("PANIC", Panic()),
        ("  next  ", Step(1)),
        ("persona Ann", SetPersona("Ann")),
        ("passthrough ON", SetMode(Mode.PASSTHROUGH)),
        ("passthrough off", SetMode(Mode.SWAP)),
        ("blend   0.70", SetBlend(0.7)),
        ("others blur", SetOthers(Others.BLUR)),
        ("status", Ask.STATUS),
    ],
)
def test_lines_as_people_write_them(line: str, order: Order) -> None:
    assert parse(line) == order


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("panik", "Unknown word 'panik'. Did you mean 'panic'?"),
        ("steadyness 0.4", "Did you mean 'steadiness'?"),
        ("zzz", "Known are panic, resume"),
        ("", "Nothing was said"),
        ("panic now", "Nothing follows panic, so not 'now' either."),
        ("blend", "from 0 to 1, such as blend 0.5, not nothing."),
        ("blend 1.5", "not '1.5'"),
        ("blend nan", "not 'nan'"),
        ("shape much", "not 'much'"),
        ("passthrough", "passthrough takes on or off, not nothing."),
        ("eyes mine", "eyes takes source or target or auto, not 'mine'."),
        ("persona", "takes the name of one, not nothing"),
        ("persona ann bob", "not 'ann bob'"),
        ("preset fast", "start again with --preset fast."),
        ("preset fats", "Did you mean 'fast'?"),
        ("x" * (LONGEST + 1), "A line of 201 characters"),
    ],
)
def test_what_is_not_understood_is_told_in_a_sentence(line: str, sentence: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        parse(line)
    assert sentence in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_help_has_every_word() -> None:
    lines = help_text().splitlines()
    assert [line.split()[0] for line in lines] == list(WORDS)
    assert all(line.endswith((".", ").")) for line in lines)
    assert max(map(len, lines)) < 120


def test_the_documentation_has_the_same_help() -> None:
    assert help_text() in (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
