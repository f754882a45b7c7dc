"""The header of a safetensors file: sound ones are read, hostile ones are one sentence, whatever they hold."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.errors import StudioError
from livecam.studio.tensors import BYTES, LARGEST_HEADER, MOST_TENSORS, Header, Tensor, read_header
from tests.studio.model_files import header_bytes, safetensors, write

ONE = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def read(path: Path, content: bytes) -> Header:
    return read_header(write(path / "x.safetensors", content))


def refused(path: Path, content: bytes) -> str:
    with pytest.raises(StudioError) as told:
        read(path, content)
    assert str(path) in told.value.what
    return told.value.what


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    header = read(tmp_path, safetensors({"a.b": (2, 3), "c": (), "none": (0, 4)}, metadata={"format": "pt"}))
    assert header.tensors == {"a.b": Tensor("F16", (2, 3)), "c": Tensor("F16", ()), "none": Tensor("F16", (0, 4))}
    assert header.metadata == {"format": "pt"}
    assert header.tensors["a.b"].size == 12


def test_padding_behind_the_header_is_allowed(tmp_path: Path) -> None:
    raw = json.dumps(ONE).encode() + b"   "
    assert read(tmp_path, len(raw).to_bytes(8, "little") + raw + bytes(8)).tensors.keys() == {"a"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "does not fill"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}, "end where"),
        ({"dtype": "F99", "shape": [2], "data_offsets": [0, 8]}, "not known"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "none"),
        ({"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]}, "none"),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "none"),
        ({"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 8]}, "none"),
        ({"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 8]}, "does not fill"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0]}, "none"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}, "does not fill"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, "hole"),
        ({"dtype": "F32", "shape": [2]}, "wrong form"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "more": 1}, "wrong form"),
        ([], "wrong form"),
    ],
)
def test_an_entry_that_lies_is_refused(entry: object, told: str, tmp_path: Path) -> None:
    assert told in refused(tmp_path, header_bytes({"a": entry}) + bytes(8))


def test_tensors_that_share_bytes_are_refused(tmp_path: Path) -> None:
    assert "overlap" in refused(tmp_path, header_bytes({**ONE, "b": ONE["a"]}) + bytes(8))


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    raw = f'{{"a": {json.dumps(ONE["a"])}, "a": {json.dumps(ONE["a"])}}}'.encode()
    assert "twice" in refused(tmp_path, len(raw).to_bytes(8, "little") + raw + bytes(8))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x10",
        bytes(8),
        (1 << 63).to_bytes(8, "little") + b"{}",
        (LARGEST_HEADER + 1).to_bytes(8, "little") + bytes(20),
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b" {} ",
        (9).to_bytes(8, "little") + b'{"a":\xff\xfe}',
        (3).to_bytes(8, "little") + b"{}}",
        header_bytes({"__metadata__": {"a": 1}}),
        header_bytes({"__metadata__": []}),
        b"version 1\noid sha256:00\nsize 100\n",
        b"PK\x03\x04 a pickle by another name",
        (100_003).to_bytes(8, "little") + b'{"a":' + b"[" * 99_998,
    ],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "is not a sound safetensors file" in refused(tmp_path, content)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    assert "cut short" in refused(tmp_path, safetensors({"a": (4,)})[:-1])


def test_far_too_many_tensors_are_refused(tmp_path: Path) -> None:
    empty = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    assert "more than" in refused(tmp_path, header_bytes(dict.fromkeys(map(str, range(MOST_TENSORS + 1)), empty)))


def test_what_a_file_holds_is_not_printed_at_length(tmp_path: Path) -> None:
    assert len(refused(tmp_path, header_bytes({"a" * 10_000 + "\x1b[2J": 1}))) < 400
    assert "\x1b" not in refused(tmp_path, header_bytes({"\x1b[2J": 1}))


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be read"):
        read_header(tmp_path / "none.safetensors")


def test_only_the_header_is_read(tmp_path: Path) -> None:
    """Half a terabyte, of which nothing is on the disk."""
    path = write(
        tmp_path / "x.safetensors",
        header_bytes({"a": {"dtype": "U8", "shape": [1 << 39], "data_offsets": [0, 1 << 39]}}),
    )
    size = path.stat().st_size
    try:
        os.truncate(path, size + (1 << 39))
    except OSError:
        pytest.skip("this disk holds no sparse files")
    assert read_header(path).tensors["a"].size == 1 << 39


NAMES = st.text(st.characters(codec="utf-8"), max_size=12).filter(lambda name: name != "__metadata__")
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)


@given(st.dictionaries(NAMES, SHAPES, max_size=8), st.sampled_from(sorted(BYTES)))
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_soundly_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, tuple[int, ...]], dtype: str
) -> None:
    header = read(tmp_path_factory.getbasetemp(), safetensors(shapes, dtype))
    assert {name: tensor.shape for name, tensor in header.tensors.items()} == shapes
    assert sum(tensor.size for tensor in header.tensors.values()) == sum(map(math.prod, shapes.values())) * BYTES[dtype]


@given(st.binary(max_size=80), st.integers(0, 200), st.binary(min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_hostile_files_are_refused_or_sound_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, put: bytes
) -> None:
    good = safetensors({"a": (2, 3), "b.c": (4,)}, metadata={"x": "y"})
    hurt = good[:at] + put + good[at + len(put) :]
    for content in (junk, len(junk).to_bytes(8, "little") + junk, hurt, good[:at]):
        try:
            header = read(tmp_path_factory.getbasetemp(), content)
        except StudioError:
            continue
        assert 8 + sum(tensor.size for tensor in header.tensors.values()) <= len(content)
