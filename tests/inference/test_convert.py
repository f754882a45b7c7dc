"""The converter: pieces by themselves, and files that are damaged or lie."""

import contextlib
import random
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from flatbuffers import flexbuffers
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.errors import ModelError
from livecam.inference.convert.attention import CUSTOM
from livecam.inference.convert.flat import Table
from livecam.inference.convert.flex import read_map
from livecam.inference.convert.lowering import Lowering
from livecam.inference.convert.network import Output, Picture, to_onnx
from livecam.inference.convert.ops import same_padding
from livecam.inference.convert.tflite import Network, Operator, Tensor, parse

SOURCE = "face_detection_short_range"
PICTURE = Picture("image", 127.5, 127.5)
OUTPUTS = {"regressors": Output("boxes", (896, 16), False), "classificators": Output("scores", (896,), True)}


@pytest.fixture(scope="module")
def source(mesh_models: Mapping[str, Path]) -> bytes:
    return mesh_models[SOURCE].with_suffix(".tflite").read_bytes()


def convert(data: bytes) -> None:
    """Either converts or says in a `ModelError` why not."""
    with contextlib.suppress(ModelError):
        to_onnx(data, PICTURE, OUTPUTS)


@pytest.mark.parametrize("name", ["face_detection_full_range_sparse", "face_landmark_with_attention"])
def test_reads_every_weight(name: str, mesh_models: Mapping[str, Path]) -> None:
    network = parse(mesh_models[name].with_suffix(".tflite").read_bytes())
    constants = [tensor for tensor in network.tensors if tensor.constant is not None]
    assert len(constants) > 100
    assert all(tensor.constant is not None and tensor.constant.shape == tensor.shape for tensor in constants)


def test_damaged_files_are_refused_or_converted(source: bytes) -> None:
    """Nothing else may happen: no crash, no hang, no other exception."""
    chance = random.Random(7)
    tables = [*range(2000), *range(len(source) - 60_000, len(source))]
    for _ in range(120):
        broken = bytearray(source)
        for _ in range(chance.choice((1, 4, 32))):
            broken[chance.choice(tables)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        convert(bytes(broken))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_cut_off_files_are_refused(share: float, source: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        to_onnx(source[: int(len(source) * share)], PICTURE, OUTPUTS)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        parse(data[:4] + b"TFL3" + data[4:])


def test_a_vector_that_lies_about_its_length_is_refused() -> None:
    table = struct.pack("<HHH", 6, 8, 4)  # vtable: its size, the table's, field 0 at 4
    data = struct.pack("<I", 12) + table + b"\0\0" + struct.pack("<iI", 8, 4) + struct.pack("<I", 2**31)
    with pytest.raises(ModelError, match="beyond the end"):
        Table.root(data).array(0, "<f4")


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abcdefgh_", min_size=1, max_size=9),
        st.one_of(
            st.integers(-(2**40), 2**40),
            st.floats(allow_nan=False, width=32),
            st.lists(st.integers(-(2**20), 2**20), min_size=5, max_size=90),
        ),
        max_size=6,
    )
)
def test_options_are_read_as_they_were_written(options: dict[str, float | list[int]]) -> None:
    assert read_map(bytes(flexbuffers.Dumps(options))) == options


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_options_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ModelError):
        read_map(data + bytes([data[0] if data else 1, 9 << 2, 1]))


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(128, 5, 2, (1, 2)), (9, 3, 1, (1, 1)), (8, 2, 2, (0, 0)), (7, 3, 2, (1, 1)), (6, 1, 2, (0, 0))],
)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(size, kernel, stride, 1) == expected


def test_an_output_that_is_not_there_is_named(source: bytes) -> None:
    with pytest.raises(ModelError, match="no output nothing; it has regressors, classificators"):
        to_onnx(source, PICTURE, {"nothing": Output("boxes", (1,), False)})


def test_an_output_of_the_wrong_size_is_refused(source: bytes) -> None:
    with pytest.raises(ModelError, match=r"does not fit \(5,\)"):
        to_onnx(source, PICTURE, {"regressors": Output("boxes", (5,), False)})


def test_conversion_is_deterministic(source: bytes) -> None:
    assert to_onnx(source, PICTURE, OUTPUTS) == to_onnx(source, PICTURE, OUTPUTS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "lacks its option left_rotation_idx"),
        ({"left_rotation_idx": 5000}, "option left_rotation_idx of a custom operator is 5000"),
        ({"left_rotation_idx": [1, 2, 3, 4, 5]}, "left_rotation_idx of a custom operator is a list"),
        ({"left_rotation_idx": 1, "right_rotation_idx": 2, "subset_idxs": 3}, "subset_idxs .* is not a list"),
    ],
)
def test_options_that_a_custom_operator_cannot_use_are_refused(
    options: dict[str, float | list[int]], expected: str
) -> None:
    operator = Operator(32, "Landmarks2TransformMatrix", (0,), (1,), None, bytes(flexbuffers.Dumps(options)))
    graph = Lowering(Network((Tensor("", (1, 468, 3), "<f4", None),), (operator,), (0,), (1,)))
    graph.define(0, "points")
    with pytest.raises(ModelError, match=expected):
        CUSTOM[operator.custom](graph, operator)


def test_landmarks_with_depth_are_not_taken_back() -> None:
    operator = Operator(32, "TransformLandmarks", (0, 1), (2,), None, b"")
    graph = Lowering(Network((Tensor("", (1, 5, 3), "<f4", None),), (operator,), (0, 1), (2,)))
    with pytest.raises(ModelError, match="other than two coordinates"):
        CUSTOM[operator.custom](graph, operator)
