"""Every way in that takes bytes: damaged copies of sound inputs, and what parsers are known to stumble over."""

import json
import time
import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.bounds import LONGEST_S, SECONDS, SLOW, mutated, outcome, some
from tests.fuzz.targets import TARGETS

_INPUTS = 60
STUMBLING = {
    "nothing": b"",
    "zero": b"\0",
    "not UTF-8": b"\xff\xfe",
    "a mark of UTF-8": b"\xef\xbb\xbf",
    "JSON's null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "half a character": b'"\\ud800"',
    "lists in lists": b"[" * 50_000,
    "objects in objects": b'{"a":' * 50_000,
    "a number without an end": b"1" * 5000,
    "more than any number": b'{"total": 1e999, "url": "https://example.org/a", "validator": ""}',
    "a key of many parts": b"a." * 200_000 + b"b = 1",
    "a value of many parts": b"[source]\nsize." + b"a." * 3000 + b"a = 1",
    "TOML in TOML": b"a = " + b"[" * 3000,
    "tables in tables": b"a = " + b"{a=" * 3000,
    "a long number": b"[source]\nsize = " + b"1" * 5000,
    "an open bracket": b"[source]\nspec = '''\n[" + b" " * 100_000 + b"x'''\n",
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_parsers_stumble_over_is_a_sentence(name: str) -> None:
    for told, data in STUMBLING.items():
        began = time.monotonic()
        outcome(lambda data=data: TARGETS[name].feed(data))  # type: ignore[misc]
        assert time.monotonic() - began < LONGEST_S * SLOW, told


@pytest.mark.parametrize("name", TARGETS)
def test_sound_inputs_are_taken(name: str) -> None:
    """So that damaging them is more than damaging what is refused at the first byte."""
    for seed in TARGETS[name].seeds():
        TARGETS[name].feed(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_a_sentence(name: str) -> None:
    target, random = TARGETS[name], Random(zlib.crc32(name.encode()))
    seeds, deadline, done = target.seeds(), time.monotonic() + SECONDS, 0
    while done < _INPUTS or time.monotonic() < deadline:
        data = mutated(random.choice(seeds), random)
        outcome(lambda data=data: target.feed(data))  # type: ignore[misc]
        done += 1


@some(50)
@given(st.sampled_from(["words", "spec", "plan-told", "news", "answer"]), st.text())
def test_any_text_is_a_sentence(name: str, text: str) -> None:
    outcome(lambda: TARGETS[name].feed(text.encode("utf-8", "surrogatepass")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
KEYS = ["url", "validator", "total", "version", "answers", "schema", "place", "choices", "error", "sinks", "ok", "said"]


@some(60)
@given(
    st.sampled_from(["news", "answer", "favourites", "worn", "note", "licences", "tuned", "plan-header"]),
    st.dictionaries(st.sampled_from(KEYS), JSON),
)
def test_any_json_of_the_right_names_is_a_sentence(name: str, content: dict[str, object]) -> None:
    outcome(lambda: TARGETS[name].feed(json.dumps(content).encode()))
