"""YuNet's and YOLO-face's kernels find what their decoders on the processor find."""

from collections.abc import Mapping
from ctypes import addressof, c_void_p
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livecam.canvas.kernels.arguments import MOST_FACES, Found, FoundFace
from livecam.canvas.kernels.chain_arguments import PickArguments
from livecam.canvas.kernels.layout import KIND_F16, KIND_F32
from livecam.core.frame import Size
from livecam.vision.detect.detector import Decoder
from livecam.vision.detect.nms import Candidates, suppress
from livecam.vision.detect.yolo import YoloDecoder
from livecam.vision.detect.yunet import YunetDecoder
from tests.canvas.host_kernels import HostKernels, address

SIZE = Size(96, 64)
STRIDES = (8, 16, 32)
IOU, THRESHOLD = 0.4, 0.5
SCALE = (0.37, 0.41)
YOLO_ROWS = 126

Floats = npt.NDArray[np.floating]
Outputs = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Family:
    """How outputs are drawn, read on the processor, and given to the kernel."""

    kernel: str
    decoder: Decoder
    roles: tuple[str, ...]


YUNET = Family("yunet_pick", YunetDecoder(SIZE), ("cls", "obj", "box", "kps"))
YOLO = Family("yolo_pick", YoloDecoder(), ("rows",))
FAMILIES = [pytest.param(YUNET, id="yunet"), pytest.param(YOLO, id="yolo")]


def outputs_of(family: Family, seed: int, share: float) -> Outputs:
    """Random outputs, about `share` of the scores above the threshold; boxes large enough to overlap."""
    rng = np.random.default_rng(seed)
    if family is YOLO:
        rows = rng.uniform(0, 96, (20, YOLO_ROWS))
        rows[2:4] = rng.uniform(2, 40, (2, YOLO_ROWS))
        rows[4] = np.where(rng.random(YOLO_ROWS) < share, rng.uniform(0.5, 1, YOLO_ROWS), 0.1)
        return {"rows": rows[None].astype(np.float32)}
    outputs: Outputs = {}
    for stride in STRIDES:
        cells = (SIZE.width // stride) * (SIZE.height // stride)
        sure = np.where(rng.random((cells, 1)) < share, rng.uniform(0.7, 1.1, (cells, 1)), 0.1)
        outputs[f"cls_{stride}"], outputs[f"obj_{stride}"] = sure, rng.uniform(0.3, 1, (cells, 1))
        outputs[f"box_{stride}"] = rng.uniform(-1, 1.5, (cells, 4))
        outputs[f"kps_{stride}"] = rng.uniform(-1, 1, (cells, 10))
    return {role: tensor.astype(np.float32) for role, tensor in outputs.items()}


def look(
    kernels: HostKernels, family: Family, outputs: Mapping[str, Floats], launch: tuple[int, int] = (1, 1)
) -> Found:
    rows = YOLO_ROWS if family is YOLO else sum((SIZE.width // s) * (SIZE.height // s) for s in STRIDES)
    keys, faces, found = np.full(rows + 1, 77, np.uint64), (FoundFace * rows)(), Found()
    half = next(iter(outputs.values())).dtype == np.float16
    arguments = PickArguments(width=SIZE.width, height=SIZE.height, rows=rows, kind=KIND_F16 if half else KIND_F32)
    arguments.threshold, arguments.iou, (arguments.scale_x, arguments.scale_y) = THRESHOLD, IOU, SCALE
    arguments.keys, arguments.faces, arguments.found = address(keys), addressof(faces), addressof(found)
    parts = [arguments.score, arguments.object, arguments.box, arguments.five]
    for part, role in zip(parts, family.roles * (4 if family is YOLO else 1), strict=True):
        names = [role] * 3 if family is YOLO else [f"{role}_{stride}" for stride in STRIDES]
        part[:] = [c_void_p(address(outputs[name])) for name in names]
    kernels(family.kernel, arguments, *launch)
    kernels("suppress", arguments, *launch)
    assert keys[-1] == 77
    return found


def wanted(family: Family, outputs: Mapping[str, Floats]) -> Candidates:
    found = family.decoder({role: tensor.astype(np.float32) for role, tensor in outputs.items()}, THRESHOLD)
    scale = np.array(SCALE, np.float32)
    corners = (found.corners.reshape(-1, 2, 2) / scale).reshape(-1, 4)
    return suppress(Candidates(corners, found.five / scale, found.scores), IOU, family.decoder.pixel)


def assert_same(seen: Found, faces: Candidates) -> None:
    told = seen.faces[: seen.count]
    faces = faces.take(np.arange(min(len(faces.scores), MOST_FACES)))
    np.testing.assert_allclose([face.score for face in told], faces.scores, rtol=1e-6)
    np.testing.assert_allclose(np.array([list(face.box) for face in told]).reshape(-1, 4), faces.corners, 1e-5, 1e-3)
    np.testing.assert_allclose(np.array([list(f.five) for f in told]).reshape(-1, 5, 2), faces.five, 1e-5, 1e-3)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.02, 0.2, 0.6]))
def test_the_faces_are_those_of_the_decoder_on_the_cpu(
    kernels: HostKernels, family: Family, seed: int, share: float
) -> None:
    outputs = outputs_of(family, seed, share)
    seen, everybody = look(kernels, family, outputs), wanted(family, outputs)
    assert seen.bad == 0
    assert (seen.more > 0) == (len(everybody.scores) > MOST_FACES)
    assert_same(seen, everybody)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("launch", [(5, 1), (1, 8), (3, 4)], ids=str)
def test_any_launch_gives_the_same(kernels: HostKernels, family: Family, launch: tuple[int, int]) -> None:
    outputs = outputs_of(family, 9, 0.3)
    one, other = look(kernels, family, outputs), look(kernels, family, outputs, launch)
    assert one.count > 3
    assert bytes(one) == bytes(other)


@pytest.mark.parametrize("family", FAMILIES)
def test_16_bit_outputs_are_read(kernels: HostKernels, family: Family) -> None:
    outputs: Outputs = {role: tensor.astype(np.float16) for role, tensor in outputs_of(family, 5, 0.1).items()}
    faces = wanted(family, outputs)
    assert len(faces.scores) > 2
    assert_same(look(kernels, family, outputs), faces)


@pytest.mark.parametrize(
    ("family", "role", "place"),
    [(YUNET, "cls_8", (3, 0)), (YUNET, "obj_16", (1, 0)), (YUNET, "box_32", (2, 3)), (YUNET, "kps_8", (0, 9))]
    + [(YOLO, "rows", (0, row, 7)) for row in (0, 4, 19)],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_told_even_where_nobody_is(
    kernels: HostKernels, family: Family, role: str, place: tuple[int, ...], value: float
) -> None:
    outputs = outputs_of(family, 1, 0.0)
    outputs[role][place] = value
    assert look(kernels, family, outputs, (2, 2)).bad == 1


def test_a_size_that_overflows_is_told(kernels: HostKernels) -> None:
    outputs = outputs_of(YUNET, 1, 0.0)
    outputs["cls_8"][3], outputs["obj_8"][3], outputs["box_8"][3, 2] = 1, 1, 300
    assert look(kernels, YUNET, outputs).bad == 1


def test_faces_that_do_not_fit_are_told(kernels: HostKernels) -> None:
    outputs = outputs_of(YOLO, 4, 1.0)
    outputs["rows"][0, 0] = np.arange(YOLO_ROWS) * 10
    outputs["rows"][0, 2:4] = 1
    seen = look(kernels, YOLO, outputs, (1, 4))
    assert (seen.count, seen.more) == (MOST_FACES, YOLO_ROWS - MOST_FACES)
