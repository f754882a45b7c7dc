"""How a detector's outputs are read on the card, by family: the kernels and what they take."""

from collections.abc import Mapping
from ctypes import c_void_p, sizeof
from typing import Final, Protocol

from livecam.canvas.device.port import kind_of, port
from livecam.canvas.device.workspace import Arguments, Workspace
from livecam.canvas.kernels.arguments import FoundFace, ScrfdArguments
from livecam.canvas.kernels.chain_arguments import PickArguments
from livecam.canvas.kernels.faces import anchors, scrfd_arguments
from livecam.canvas.kernels.layout import KIND_F16
from livecam.core.device import DeviceTensor
from livecam.core.frame import Size
from livecam.errors import ContractError
from livecam.vision.contract import DetectorContract, DetectorFamily
from livecam.vision.detect.detector import STRIDES
from livecam.vision.mesh.detect import Fit

Ports = Mapping[str, DeviceTensor]

_KEY_BYTES: Final = 8
_YOLO_NUMBERS: Final = 20
_SCRFD: Final = (("score", 1), ("box", 4), ("kps", 10))
_YUNET: Final = (("cls", 1), ("obj", 1), ("box", 4), ("kps", 10))


class Reading(Protocol):
    """Reads the outputs of one network into `Found`. One thread."""

    def prepare(self, fit: Fit) -> None:
        """Take how the frame was fitted into the picture."""
        ...

    def begin(self) -> None:
        """Begin to read; `Found` is zero."""
        ...


def reading(
    work: Workspace, outputs: Ports, contract: DetectorContract, size: Size, found: int, threshold: float
) -> Reading:
    """For the family of `contract`.

    Args:
        work: Memory on the card.
        outputs: The network's, by role.
        contract: Its numbers.
        size: Of its picture.
        found: Address of `Found`.
        threshold: A face counts from this score, 0..1.

    Raises:
        ContractError: An output is not what its family gives.
    """
    if contract.family is DetectorFamily.SCRFD:
        return _Scrfd(work, outputs, contract.iou, size, found, threshold)
    arguments = PickArguments(found=found, width=size.width, height=size.height, threshold=max(threshold, 0.0))
    arguments.iou = contract.iou
    if contract.family is DetectorFamily.YUNET:
        _fill_yunet(arguments, outputs, size)
        return _Picked(work, "yunet_pick", arguments)
    _fill_yolo(arguments, outputs)
    return _Picked(work, "yolo_pick", arguments)


class _Scrfd:
    """Boxes are computed from the anchors whenever they are needed."""

    def __init__(self, work: Workspace, outputs: Ports, iou: float, size: Size, found: int, threshold: float) -> None:
        ports = _levels(outputs, _SCRFD, size, 2)
        kinds = {kind_of(tensor) for tensor in ports.values()}
        addresses = {role: tensor.address for role, tensor in ports.items()}
        arguments = scrfd_arguments(addresses, size, Fit(1, 1, 0, 0), threshold, iou, half=_one(kinds) == KIND_F16)
        self._work, self._anchors = work, anchors(size)
        arguments.keys, arguments.found = work.memory(_KEY_BYTES * self._anchors), found
        self._arguments: Arguments[ScrfdArguments] = work.arguments(arguments)

    def prepare(self, fit: Fit) -> None:
        """See `Reading`."""
        self._arguments.host.scale_x, self._arguments.host.scale_y = fit.scale_x, fit.scale_y

    def begin(self) -> None:
        """See `Reading`."""
        self._work.launch("scrfd_pick", self._arguments, self._anchors)
        self._work.blocks("scrfd_suppress", self._arguments, 1)


class _Picked:
    """Boxes are written out beside the candidates."""

    def __init__(self, work: Workspace, kernel: str, arguments: PickArguments) -> None:
        self._work, self._kernel, self._rows = work, kernel, arguments.rows
        arguments.keys = work.memory(_KEY_BYTES * arguments.rows)
        arguments.faces = work.memory(sizeof(FoundFace) * arguments.rows)
        self._arguments = work.arguments(arguments)

    def prepare(self, fit: Fit) -> None:
        """See `Reading`."""
        self._arguments.host.scale_x, self._arguments.host.scale_y = fit.scale_x, fit.scale_y

    def begin(self) -> None:
        """See `Reading`."""
        self._work.launch(self._kernel, self._arguments, self._rows)
        self._work.blocks("suppress", self._arguments, 1)


def _fill_yunet(arguments: PickArguments, outputs: Ports, size: Size) -> None:
    ports = _levels(outputs, _YUNET, size, 1)
    parts = ((arguments.score, "cls"), (arguments.object, "obj"), (arguments.box, "box"), (arguments.five, "kps"))
    for part, role in parts:
        part[:] = [c_void_p(ports[f"{role}_{stride}"].address) for stride in STRIDES]
    arguments.rows = sum(_cells(size, stride) for stride in STRIDES)
    arguments.kind = _one({kind_of(tensor) for tensor in ports.values()})


def _fill_yolo(arguments: PickArguments, outputs: Ports) -> None:
    rows = outputs.get("rows")
    many = rows.shape[-1] if rows is not None and rows.shape else 0
    tensor = port(outputs, "rows", (1, _YOLO_NUMBERS, many))
    for part in (arguments.score, arguments.object, arguments.box, arguments.five):
        part[:] = [c_void_p(tensor.address)] * len(STRIDES)
    arguments.rows, arguments.kind = many, kind_of(tensor)


def _levels(outputs: Ports, parts: tuple[tuple[str, int], ...], size: Size, per_cell: int) -> Ports:
    """The outputs of every stride, with or without a batch axis in front."""
    found = {}
    for part, many in parts:
        for stride in STRIDES:
            role, rows = f"{part}_{stride}", per_cell * _cells(size, stride)
            batched = len(outputs[role].shape) > len("rc") if role in outputs else True
            found[role] = port(outputs, role, (1, rows, many) if batched else (rows, many))
    return found


def _cells(size: Size, stride: int) -> int:
    return (size.width // stride) * (size.height // stride)


def _one(kinds: set[int]) -> int:
    """The one kind of numbers of all outputs."""
    if len(kinds) != 1:
        raise ContractError("The face detector's network gives numbers of several kinds on the graphics card.")
    return kinds.pop()
