"""The three custom operators of MediaPipe's landmark network with attention.

They cut a rotated square around lips and eyes out of a feature map, and take the landmarks found there back into the
picture. Written from the behaviour of mediapipe/util/tflite/operations (Apache-2.0): landmarks_to_transform_matrix.cc,
transform_tensor_bilinear.cc and transform_landmarks.cc, version 2 of each.
"""

from typing import Final

import numpy as np
from onnx import TensorProto

from livecam.inference.convert.flat import damaged
from livecam.inference.convert.flex import Number, Options, read_map
from livecam.inference.convert.lowering import TO_NCHW, TO_NHWC, Lowering, Rule
from livecam.inference.convert.tflite import Operator


def _matrix_from_landmarks(graph: Lowering, op: Operator) -> str:
    """A (1, 4, 4) matrix from cells of the cut-out to cells of the feature map.

    The square stands on the line between two landmarks. With the unit vector (c, s) along it, rotated coordinates
    are p R with R = [[c, -s], [s, c]]; their bounding box, scaled, is the cut-out.
    """
    options = read_map(op.custom_options)
    points = graph.value(op, 0)
    rotation = _rotation(graph, points, options)
    subset = _xy(graph, _rows(graph, points, _many(options, "subset_idxs")))
    turned = graph.node("MatMul", [subset, rotation])
    high, low = (graph.node(kind, [turned], axes=[1], keepdims=1) for kind in ("ReduceMax", "ReduceMin"))
    middle = graph.node("Mul", [graph.node("Add", [high, low]), graph.floats(0.5)])
    centre = graph.node("MatMul", [middle, graph.node("Transpose", [rotation], perm=[0, 2, 1])])
    return _affine(graph, rotation, graph.node("Sub", [high, low]), centre, options)


def _rotation(graph: Lowering, points: str, options: Options) -> str:
    """(1, 2, 2): [[c, -s], [s, c]] for the direction from the left to the right rotation landmark."""
    ends = _xy(graph, _rows(graph, points, [_one(options, "left_rotation_idx"), _one(options, "right_rotation_idx")]))
    left, right = (graph.node("Gather", [ends, graph.integers(row)], axis=1) for row in (0, 1))
    along = graph.node("Sub", [right, left])
    unit = graph.node("Div", [along, graph.node("ReduceL2", [along], axes=[1], keepdims=1)])
    c, s = (_slice(graph, unit, axis=1, start=column, stop=column + 1) for column in (0, 1))
    flat = graph.node("Concat", [c, graph.node("Neg", [s]), s, c], axis=1)
    return graph.node("Reshape", [flat, graph.integers([1, 2, 2])])


def _affine(graph: Lowering, rotation: str, extent: str, centre: str, options: Options) -> str:
    """(1, 4, 4): cut-out cells, (0, 0) at the corner, to the box of `extent` (1, 1, 2) around `centre` (1, 1, 2)."""
    width, height = _one(options, "output_width"), _one(options, "output_height")
    cell = graph.floats([[[_real(options, "scale_x") / width, _real(options, "scale_y") / height]]])
    linear = graph.node("Mul", [rotation, graph.node("Mul", [extent, cell])])
    corner = graph.node("MatMul", [linear, graph.floats([[[-width / 2], [-height / 2]]])])
    shift = graph.node("Add", [graph.node("Transpose", [centre], perm=[0, 2, 1]), corner])
    top = graph.node("Concat", [linear, graph.floats(np.zeros((1, 2, 1))), shift], axis=2)
    return graph.node("Concat", [top, graph.floats([[[0, 0, 1, 0], [0, 0, 0, 1]]])], axis=1)


def _cut_out(graph: Lowering, op: Operator) -> str:
    """Samples the feature map at the cut-out's cells; outside it there is zero.

    Cell (x, y) of the feature map is the point (x, y). Written with Gather, which copies the channels of a cell in one
    go: ONNX Runtime's GridSample took three times as long, a seventh of the whole network.
    """
    options = read_map(op.custom_options)
    width, height = _one(options, "output_width"), _one(options, "output_height")
    rows, columns, channels = graph.tensor(op, 0).shape[1:4]
    y, x = (cells.ravel() for cells in np.mgrid[:height, :width])
    cells = graph.floats(np.stack([x, y, np.zeros_like(x), np.ones_like(x)])[None])
    matrix = _slice(graph, graph.value(op, 1), axis=1, start=0, stop=2)
    points = graph.node("Transpose", [graph.node("MatMul", [matrix, cells])], perm=[1, 0, 2])
    # x and y, in front, of the four corners of each point's cell: (2, 4, P).
    around = graph.node(
        "Add", [graph.node("Floor", [points]), graph.floats([[[0], [1], [0], [1]], [[0], [0], [1], [1]]])]
    )
    inside = graph.node("Max", [around, graph.floats(0.0)])
    inside = graph.node("Min", [inside, graph.floats([[[columns - 1]], [[rows - 1]]])])
    share = _share(graph, points, around, inside)
    number = graph.node("Mul", [inside, graph.floats([[[1]], [[columns]]])])
    number = graph.node(
        "Cast", [graph.node("ReduceSum", [number, graph.integers([0])], keepdims=0)], to=TensorProto.INT64
    )
    flat = graph.node("Transpose", [graph.value(op, 0)], perm=list(TO_NHWC))
    flat = graph.node("Reshape", [flat, graph.integers([rows * columns, channels])])
    taken = graph.node("Gather", [flat, number], axis=0)
    blended = graph.node("ReduceSum", [graph.node("Mul", [taken, share]), graph.integers([0])], keepdims=0)
    blended = graph.node("Reshape", [blended, graph.integers([1, height, width, channels])])
    return graph.node("Transpose", [blended], perm=list(TO_NCHW))


def _share(graph: Lowering, points: str, around: str, inside: str) -> str:
    """(4, P, 1): how much of each of its four corners a point gets, bilinearly; nothing of those outside the map."""
    distance = graph.node("Abs", [graph.node("Sub", [points, around])])
    near = graph.node("Sub", [graph.floats(1.0), distance])
    known = graph.node("Cast", [graph.node("Equal", [inside, around])], to=TensorProto.FLOAT)
    product = graph.node("ReduceProd", [graph.node("Mul", [near, known])], axes=[0], keepdims=0)
    return graph.node("Unsqueeze", [product, graph.integers([2])])


def _landmarks_back(graph: Lowering, op: Operator) -> str:
    """Takes the x and y of landmarks by the matrix."""
    if graph.tensor(op, 0).shape[2:] != (2,):
        raise damaged("landmarks with other than two coordinates are to be taken back")
    matrix = _slice(graph, graph.value(op, 1), axis=1, start=0, stop=2)
    linear = graph.node("Transpose", [_slice(graph, matrix, axis=2, start=0, stop=2)], perm=[0, 2, 1])
    shift = graph.node("Transpose", [_slice(graph, matrix, axis=2, start=3, stop=4)], perm=[0, 2, 1])
    return graph.node("Add", [graph.node("MatMul", [graph.value(op, 0), linear]), shift])


def _slice(graph: Lowering, value: str, axis: int, start: int, stop: int) -> str:
    return graph.node("Slice", [value, *(graph.integers([number]) for number in (start, stop, axis))])


def _xy(graph: Lowering, points: str) -> str:
    return _slice(graph, points, axis=2, start=0, stop=2)


def _rows(graph: Lowering, points: str, rows: list[int]) -> str:
    return graph.node("Gather", [points, graph.integers(rows)], axis=1)


def _option(options: Options, name: str) -> Number | list[Number]:
    if name not in options:
        raise damaged(f"a custom operator lacks its option {name}")
    return options[name]


def _real(options: Options, name: str) -> float:
    value = _option(options, name)
    if isinstance(value, list):
        raise damaged(f"option {name} of a custom operator is a list")
    return float(value)


def _one(options: Options, name: str) -> int:
    value = int(_real(options, name))
    if not 0 <= value < 4096:
        raise damaged(f"option {name} of a custom operator is {value}")
    return value


def _many(options: Options, name: str) -> list[int]:
    value = _option(options, name)
    if not isinstance(value, list):
        raise damaged(f"option {name} of a custom operator is not a list")
    return [int(each) for each in value]


CUSTOM: Final[dict[str, Rule]] = {
    "Landmarks2TransformMatrix": _matrix_from_landmarks,
    "TransformTensorBilinear": _cut_out,
    "TransformLandmarks": _landmarks_back,
}
"""What converts each custom operator, by name."""
