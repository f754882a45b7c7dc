"""Key combinations: how they are written, and what follows from keys going down and up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.config import USUAL
from livecam.control.chords import MISSED_NS, REPEAT_NS, Chord, Keyboard, bindings, chord
from livecam.core.frame import NS_PER_MS
from livecam.errors import ConfigError

LATER = REPEAT_NS + 1


@pytest.mark.parametrize(
    ("text", "modifiers", "key"),
    [
        ("<ctrl>+<alt>+p", {"ctrl", "alt"}, "p"),
        (" <Alt> + <CTRL>+P", {"ctrl", "alt"}, "p"),
        ("<f9>", set(), "f9"),
        ("<ctrl>++", {"ctrl"}, "+"),
        ("<cmd>+<page_up>", {"cmd"}, "page_up"),
    ],
)
def test_combinations_as_people_write_them(text: str, modifiers: set[str], key: str) -> None:
    one = chord(text)
    assert one == Chord(frozenset(modifiers), key)
    assert chord(str(one)) == one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<ctlr>+p", "unknown key '<ctlr>'. Did you mean 'ctrl'?"),
        ("ctrl+p", "'ctrl' without brackets. Write <ctrl>."),
        ("<ctrl>+<f99>", "unknown key '<f99>'"),
        ("p", "would fire while you type"),
        ("<shift>+p", "would fire while you type"),
        ("<space>", "would fire while you type"),
        ("<ctrl>+<alt>", "needs one key beside"),
        ("<ctrl>+a+b", "needs one key beside"),
        ("", "unknown key ''"),
        ("<ctrl>+", "unknown key ''"),
    ],
)
def test_what_cannot_be_a_hotkey_is_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        chord(text)
    assert said in str(caught.value)


@settings(deadline=None)
@given(st.text(st.sampled_from("<>+ctrlalp f9"), max_size=20))
def test_any_text_is_a_combination_or_a_sentence(text: str) -> None:
    try:
        one: Chord | None = chord(text)
    except ConfigError:
        one = None
    assert one is None or chord(str(one)) == one


def test_the_defaults_can_be_read() -> None:
    said = [line for line in bindings(USUAL).values() if not line.startswith("favourite")]
    assert said == ["panic", "resume", "next", "previous", "hold"]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("<ctrl>+<alt>+p", "panic"), ("<alt>+<ctrl>+P", "next")], "is there twice: 'panic' and 'next'"),
        ([("<ctrl>+<alt>+p", "panik")], "says 'panik'. Unknown word 'panik'. Did you mean 'panic'?"),
        ([("<ctrl>+<alt>+p", "status")], "which changes nothing"),
    ],
)
def test_tables_that_cannot_be_meant(pairs: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bindings(pairs)
    assert said in str(caught.value)


def test_own_keys_stand_beside_the_usual_ones_and_without_words_they_are_off() -> None:
    assert bindings([("<ctrl>+<alt>+p", "")]) == {}
    own = bindings([("<f9>", "next"), ("<ctrl>+<alt>+P", ""), ("<ctrl>+<alt>+r", "panic")], USUAL[:5])
    assert {str(one): line for one, line in own.items()} == {
        "<f9>": "next",
        "<ctrl>+<alt>+r": "panic",
        "<ctrl>+<alt>+n": "next",
        "<ctrl>+<alt>+b": "previous",
        "<ctrl>+<alt>+h": "hold",
    }


class Typist:
    """Presses keys of a keyboard, half a second apart."""

    def __init__(self) -> None:
        self.keyboard = Keyboard(
            bindings(
                [
                    ("<ctrl>+<alt>+p", "panic"),
                    ("<ctrl>+<alt>+h", "hold"),
                    ("<f9>", "next"),
                    ("<f8>", "hold"),
                    ("<ctrl>+p", "resume"),
                ]
            )
        )
        self.now_ns = 0

    def type(self, keys: str) -> list[str]:
        """``+ctrl -ctrl``: down and up; a key that is up stays up before the next is touched."""
        lines = []
        for key in keys.split():
            act = self.keyboard.press if key[0] == "+" else self.keyboard.release
            lines += act(key[1:], self.now_ns)
            self.now_ns += 10 * LATER
            lines += self.keyboard.settle(self.now_ns)
        return lines


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ("+ctrl +alt +p -p -alt -ctrl", ["panic"]),
        ("+alt +ctrl +p -ctrl -alt -p", ["panic"]),
        ("+ctrl +p", ["resume"]),
        ("+ctrl +alt +shift +p", []),
        ("+p +ctrl +alt", []),
        ("+p -p", []),
        ("+f9 -f9 +f9", ["next", "next"]),
        ("+ctrl +f9", []),
        ("+ctrl +alt +p -p +p", ["panic", "panic"]),
        ("+ctrl +alt +p +p +p", ["panic"]),
        ("+ctrl +alt -alt +p", ["resume"]),
        ("+ctrl +alt +h -h", ["hold", "release"]),
        ("+ctrl +alt +h -ctrl -h -alt", ["hold", "release"]),
        ("+ctrl +alt +h +h +x -x -h", ["hold", "release"]),
        ("+ctrl +! -1 -ctrl +ctrl +! -ctrl +f9", ["next"]),
        ("-p -ctrl", []),
        ("+f8 +ctrl +alt +p -p -alt -ctrl -f8", ["hold", "panic", "release"]),
    ],
)
def test_what_follows_from_keys(keys: str, lines: list[str]) -> None:
    assert Typist().type(keys) == lines


def test_a_repeated_key_was_never_let_go() -> None:
    """X repeats a held key as up and down at the same moment: the slate must not flicker, nor a persona run away."""
    typist = Typist()
    assert typist.type("+ctrl +alt +h") == ["hold"]
    keyboard, now_ns = typist.keyboard, typist.now_ns
    for _ in range(100):
        now_ns += 33 * NS_PER_MS
        assert keyboard.release("h", now_ns) == []
        assert keyboard.settle(now_ns + 20 * NS_PER_MS) == []
        assert keyboard.press("h", now_ns + 25 * NS_PER_MS) == []
        now_ns += 25 * NS_PER_MS
    assert keyboard.release("h", now_ns) == []
    assert keyboard.unsettled
    assert keyboard.settle(now_ns + LATER) == ["release"]
    assert not keyboard.unsettled


def test_a_key_missed_by_the_display_is_forgotten_with_the_modifiers() -> None:
    typist = Typist()
    assert typist.type("+ctrl +alt +p -ctrl -alt") == ["panic"]
    assert typist.type("+ctrl +alt +p") == ["panic"], "the end of the first p never came"


def test_a_key_whose_end_nobody_told_works_again_after_a_while() -> None:
    keyboard = Keyboard(bindings([("<f9>", "panic")]))
    assert keyboard.press("f9", 0) == ["panic"]
    assert keyboard.press("f9", MISSED_NS - 1) == [], "a repeat"
    assert keyboard.press("f9", 2 * MISSED_NS - 2) == [], "repeats follow upon repeats"
    assert keyboard.press("f9", 3 * MISSED_NS) == ["panic"]


def test_whole_combinations_do_not_disturb_each_other() -> None:
    """As a desktop tells them: an order while the slate is held must not end the hold."""
    typist = Typist()
    keys = "+<ctrl>+<alt>+h +<ctrl>+<alt>+p -<ctrl>+<alt>+p +<f9> -<f9> +ctrl -ctrl -<ctrl>+<alt>+h"
    assert typist.type(keys) == ["hold", "panic", "next", "release"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ctrl", "alt", "h", "p", "f9", "x"]), st.integers(0, 200))))
def test_every_hold_has_one_end(events: list[tuple[bool, str, int]]) -> None:
    typist = Typist()
    lines, now_ns = [], 0
    for down, key, wait_ms in events:
        act = typist.keyboard.press if down else typist.keyboard.release
        lines += act(key, now_ns)
        now_ns += wait_ms * NS_PER_MS
    for key in ("ctrl", "alt", "h", "p", "f9", "x"):
        lines += typist.keyboard.release(key, now_ns)
    lines += typist.keyboard.settle(now_ns + LATER)
    held = [line for line in lines if line in {"hold", "release"}]
    assert held == ["hold", "release"] * (len(held) // 2)
