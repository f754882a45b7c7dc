from ctypes import addressof
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livecam.canvas.kernels.arguments import MOST_FACES, Found, FoundFace
from livecam.canvas.kernels.faces import anchors, detections, scrfd_arguments
from livecam.core.frame import Size
from livecam.errors import ContractError
from livecam.vision.detect.nms import Candidates, suppress
from livecam.vision.detect.scrfd import ScrfdDecoder
from livecam.vision.mesh.detect import Fit
from tests.canvas.host_kernels import HostKernels, address

SIZE = Size(96, 64)
STRIDES = (8, 16, 32)
IOU = 0.4
SCALE = (0.37, 0.41)

Floats = npt.NDArray[np.floating]
Outputs = dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Look:
    """One run: what was found, and how often not finite values were seen."""

    found: Found
    keys: npt.NDArray[np.uint64]

    @property
    def boxes(self) -> Floats:
        return np.array([list(face.box) for face in self.faces]).reshape(-1, 4)

    @property
    def five(self) -> Floats:
        return np.array([list(face.five) for face in self.faces]).reshape(-1, 5, 2)

    @property
    def scores(self) -> Floats:
        return np.array([face.score for face in self.faces])

    @property
    def faces(self) -> list[FoundFace]:
        return list(self.found.faces[: self.found.count])


def outputs_of(seed: int, share: float, size: Size = SIZE) -> Outputs:
    """Random outputs, `share` of the scores above 0.5; boxes large enough to overlap."""
    rng = np.random.default_rng(seed)
    outputs: Outputs = {}
    for stride in STRIDES:
        rows = 2 * (size.width // stride) * (size.height // stride)
        high = rng.random((rows, 1)) < share
        outputs[f"score_{stride}"] = np.where(high, rng.uniform(0.5, 1, (rows, 1)), 0.1).astype(np.float32)
        outputs[f"box_{stride}"] = rng.uniform(0.2, 2.5, (rows, 4)).astype(np.float32)
        outputs[f"kps_{stride}"] = rng.uniform(-1, 1, (rows, 10)).astype(np.float32)
    return outputs


def look(kernels: HostKernels, outputs: Outputs, launch: tuple[int, int] = (1, 1), size: Size = SIZE) -> Look:
    keys, found = np.full(anchors(size) + 1, 77, np.uint64), Found()
    where = {role: address(tensor) for role, tensor in outputs.items()}
    half = outputs["score_8"].dtype == np.float16
    arguments = scrfd_arguments(where, size, Fit(*SCALE, 0, 0), 0.5, IOU, half=half)
    arguments.keys, arguments.found = address(keys), addressof(found)
    kernels("scrfd_pick", arguments, *launch)
    kernels("scrfd_suppress", arguments, *launch)
    assert keys[-1] == 77
    return Look(found, keys)


def wanted(outputs: Outputs, size: Size = SIZE) -> Candidates:
    """What the detector on the CPU makes of the same."""
    singles = {role: tensor.astype(np.float32) for role, tensor in outputs.items()}
    decoder = ScrfdDecoder(size)
    found = decoder(singles, 0.5)
    scale = np.array(SCALE, np.float32)
    corners = (found.corners.reshape(-1, 2, 2) / scale).reshape(-1, 4)
    return suppress(Candidates(corners, found.five / scale, found.scores), IOU, decoder.pixel)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01, 0.1, 0.4]))
def test_the_faces_are_those_of_the_decoder_on_the_cpu(kernels: HostKernels, seed: int, share: float) -> None:
    outputs = outputs_of(seed, share)
    seen, everybody = look(kernels, outputs), wanted(outputs)
    faces = everybody.take(np.arange(min(len(everybody.scores), MOST_FACES)))
    assert seen.found.bad == 0
    assert (seen.found.more > 0) == (len(everybody.scores) > MOST_FACES)
    assert seen.found.candidates == sum((outputs[f"score_{s}"] >= 0.5).sum() for s in STRIDES)
    np.testing.assert_array_equal(seen.scores, faces.scores)
    np.testing.assert_allclose(seen.boxes, faces.corners, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(seen.five, faces.five, rtol=1e-6, atol=1e-4)


def test_16_bit_outputs_are_read(kernels: HostKernels) -> None:
    outputs: Outputs = {role: tensor.astype(np.float16) for role, tensor in outputs_of(5, 0.1).items()}
    seen, faces = look(kernels, outputs), wanted(outputs)
    assert len(faces.scores) > 3
    np.testing.assert_allclose(seen.boxes, faces.corners, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("launch", [(5, 1), (1, 8), (3, 4), (2, 2)], ids=str)
def test_any_launch_gives_the_same(kernels: HostKernels, launch: tuple[int, int]) -> None:
    outputs = outputs_of(9, 0.3)
    one, other = look(kernels, outputs), look(kernels, outputs, launch)
    assert one.found.count > 5
    assert bytes(one.found) == bytes(other.found)


def test_of_equal_scores_the_earlier_anchor_stays(kernels: HostKernels) -> None:
    outputs = outputs_of(2, 0.3)
    for stride in STRIDES:
        outputs[f"score_{stride}"][:] = np.where(outputs[f"score_{stride}"] > 0.5, 0.75, 0.1)
    seen, faces = look(kernels, outputs, (2, 4)), wanted(outputs)
    np.testing.assert_allclose(seen.boxes, faces.corners, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("role", ["score_8", "box_16", "kps_32"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_told_even_where_nobody_is(kernels: HostKernels, role: str, value: float) -> None:
    outputs = outputs_of(1, 0.0)
    outputs[role][3, -1] = value
    assert look(kernels, outputs, (2, 2)).found.bad == 1


def test_faces_that_do_not_fit_are_told(kernels: HostKernels) -> None:
    """Boxes of a few px on every anchor of a larger picture: nobody overlaps but the two of one cell."""
    size = Size(160, 96)
    outputs = outputs_of(4, 0.0, size)
    outputs["score_8"][:] = 0.9
    outputs["box_8"][:] = 0.2
    cells = 20 * 12
    seen = look(kernels, outputs, (1, 4), size)
    assert seen.found.count == MOST_FACES
    assert seen.found.more == 2 * (cells - MOST_FACES)


def test_a_box_turned_inside_out_harms_nobody(kernels: HostKernels) -> None:
    outputs = outputs_of(6, 0.2)
    outputs["box_8"] = -outputs["box_8"]
    seen, faces = look(kernels, outputs), wanted(outputs)
    np.testing.assert_array_equal(seen.scores, faces.scores)


def test_what_was_found_becomes_detections_best_first(kernels: HostKernels) -> None:
    outputs = outputs_of(9, 0.1)
    seen, faces = look(kernels, outputs), wanted(outputs)
    told = detections(seen.found)
    assert len(told) == len(faces.scores) > 3
    for detection, corners, five, score in zip(told, faces.corners, faces.five, faces.scores, strict=True):
        np.testing.assert_allclose(detection.box, corners, rtol=1e-6, atol=1e-4)
        np.testing.assert_allclose(detection.landmarks.five, five, rtol=1e-6, atol=1e-4)
        assert detection.score == score


@pytest.mark.parametrize(("field", "words"), [("bad", "not finite"), ("more", "more than 64 faces")])
def test_who_may_have_been_missed_is_no_result(field: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        detections(Found(**{field: 1}))
