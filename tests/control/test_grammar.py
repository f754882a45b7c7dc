"""Any text is an order or a sentence, and every order can be written down and read again."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.config.presets import PresetName
from livecam.control.deeds import (
    ChangePreset,
    ChangeSink,
    ChangeSource,
    Deed,
    Favourite,
    Record,
    Reload,
    Snapshot,
)
from livecam.control.desk import told
from livecam.control.grammar import (
    LONGEST,
    WORDS,
    Ask,
    NotUnderstood,
    Order,
    Step,
    help_text,
    may_take_long,
    parse,
    written,
)
from livecam.core.settings import (
    Command,
    Eyes,
    Hold,
    Mode,
    Others,
    Panic,
    Release,
    Resume,
    SetBlend,
    SetEyes,
    SetLabel,
    SetMode,
    SetOthers,
    SetPersona,
    SetShape,
    SetSteadiness,
    Settings,
    apply,
)

UNIT = st.floats(0, 1)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40)
SPECS = st.sampled_from(["synthetic", "camera:0", "file:/my clips/a b.mp4?loop=0", "stream:rtsp://h/x?y=1&z=2"])
BY_KIND: Mapping[type, st.SearchStrategy[Order]] = {
    **{kind: st.builds(kind) for kind in (Panic, Resume, Hold, Release, Snapshot, Reload)},
    SetMode: st.builds(SetMode, st.sampled_from(Mode)),
    SetOthers: st.builds(SetOthers, st.sampled_from(Others)),
    SetLabel: st.builds(SetLabel, st.booleans()),
    SetEyes: st.builds(SetEyes, st.sampled_from(Eyes)),
    SetPersona: st.builds(SetPersona, NAMES),
    **{kind: st.builds(kind, UNIT) for kind in (SetShape, SetSteadiness, SetBlend)},
    Record: st.builds(Record, st.booleans()),
    ChangePreset: st.builds(ChangePreset, st.sampled_from(PresetName)),
    Favourite: st.builds(Favourite, st.integers(1, 9)),
    ChangeSource: st.builds(ChangeSource, SPECS),
    ChangeSink: st.builds(ChangeSink, SPECS, st.booleans()),
}
ORDERS: st.SearchStrategy[Order] = st.one_of(st.sampled_from([Step(1), Step(-1), *Ask]), *BY_KIND.values())


@settings(deadline=None)
@given(ORDERS)
def test_what_is_written_is_read_as_the_same(order: Order) -> None:
    assert parse(written(order)) == order


def test_every_command_and_every_deed_can_be_said() -> None:
    assert BY_KIND.keys() == {*get_args(Command), *get_args(Deed)}


@pytest.mark.parametrize("kind", get_args(Command))
@settings(deadline=None)
@given(data=st.data())
def test_every_command_is_applied_without_touching_what_was(kind: type, data: st.DataObject) -> None:
    command = cast(Command, data.draw(BY_KIND[kind]))
    before = Settings(revision=7, blend_limit=1.0)
    kept = asdict(before)
    after = apply(before, command)
    assert after.revision == 8
    assert asdict(before) == kept
    assert apply(before, command) == after
    assert told(command, after).endswith(".")


def test_who_may_have_to_wait_is_known() -> None:
    slow: list[Order] = [Step(1), SetPersona("ann"), Snapshot(), Favourite(1)]
    quick: list[Order] = [Panic(), Hold(), Release(), SetBlend(0.5), Ask.STATUS]
    assert [may_take_long(order) for order in slow + quick] == [True] * 4 + [False] * 5


@settings(deadline=None)
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
        ("Preset FAST", ChangePreset(PresetName.FAST)),
        ("favourite 3", Favourite(3)),
        ("record Start", Record(True)),
        ("snapshot", Snapshot()),
        ("source  file:/My Clips/a b.mp4", ChangeSource("file:/My Clips/a b.mp4")),
        ("sink ADD  web:0", ChangeSink("web:0", True)),
        ("sink remove record", ChangeSink("record", False)),
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
        ("favourite 0", "favourite takes a number from 1 to 9, not '0'."),
        ("favourite", "from 1 to 9, not nothing."),
        ("record", "record takes start or stop, not nothing."),
        ("snapshot now", "Nothing follows snapshot"),
        ("source", "source takes something like camera:0, file:clip.mp4 or synthetic, not nothing."),
        ("sink web", "sink takes add or remove, such as sink add web, not 'web'."),
        ("sink add", "sink add takes something like web or record:call.mp4, not nothing."),
        ("snapshoot", "Did you mean 'snapshot'?"),
        ("preset fats", "Did you mean 'fast'?"),
        ("x" * (LONGEST + 1), f"A line of {LONGEST + 1} characters"),
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
