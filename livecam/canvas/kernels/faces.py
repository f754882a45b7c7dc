"""SCRFD on the device: what its kernels take, and the faces they give."""

from collections.abc import Mapping
from ctypes import c_void_p

import numpy as np

from livecam.canvas.kernels.arguments import KIND_F16, KIND_F32, MOST_FACES, Found, FoundFace, ScrfdArguments
from livecam.core.face import Box, Detection, Landmarks, Topology
from livecam.core.frame import Size
from livecam.errors import ContractError
from livecam.vision.detect.detector import STRIDES
from livecam.vision.mesh.detect import Fit


def anchors(size: Size) -> int:
    """How many keys (u64) `scrfd_pick` needs room for, for a detector's picture of `size`."""
    return sum(2 * (size.width // stride) * (size.height // stride) for stride in STRIDES)


def scrfd_arguments(
    outputs: Mapping[str, int], size: Size, fit: Fit, threshold: float, iou: float, *, half: bool = False
) -> ScrfdArguments:
    """For `scrfd_pick`, then `scrfd_suppress`; the caller sets `keys` and `found`, and zeroes what is at `found`.

    Args:
        outputs: Address of each of the network's outputs by role: ``score_S``, ``box_S``, ``kps_S``.
        size: Of the network's picture; sides are multiples of 32.
        fit: How the frame was fitted into it.
        threshold: A face counts from this score, 0..1.
        iou: Two boxes that overlap more are one face.
        half: The outputs are f16, not f32.
    """
    arguments = ScrfdArguments(width=size.width, height=size.height, kind=KIND_F16 if half else KIND_F32)
    for part, role in ((arguments.score, "score"), (arguments.box, "box"), (arguments.five, "kps")):
        part[:] = [c_void_p(outputs[f"{role}_{stride}"]) for stride in STRIDES]
    arguments.threshold, arguments.iou = max(threshold, 0.0), iou
    arguments.scale_x, arguments.scale_y = fit.scale_x, fit.scale_y
    return arguments


def detections(found: Found) -> list[Detection]:
    """The faces of `found`, px of the frame, best first.

    Raises:
        ContractError: The network gave rubbish, or more faces than fit: somebody may not have been seen.
    """
    if found.bad:
        raise ContractError(
            "The face detector's network gives values that are not finite.",
            "A 16-bit model can overflow on some devices: choose its 32-bit version, or another provider.",
        )
    if found.more:
        raise ContractError(
            f"The face detector's network finds more than {MOST_FACES} faces.", "Raise its score, or choose another."
        )
    return [_detection(face) for face in found.faces[: found.count]]


def _detection(face: FoundFace) -> Detection:
    five = np.array(face.five, np.float32).reshape(5, 2)
    return Detection(Box(*face.box), Landmarks(five, Topology.FIVE), float(face.score))
