"""Inputs and outputs of networks on the card: what is there must be what the recipe says."""

from collections.abc import Mapping

from livecam.canvas.kernels.fill import Feed
from livecam.canvas.kernels.layout import KIND_F16, KIND_F32
from livecam.core.device import DeviceEngine, DeviceTensor
from livecam.core.frame import Size
from livecam.errors import ContractError
from livecam.vision.contract import Layout, PictureIn

_KINDS = {"float32": KIND_F32, "float16": KIND_F16}


def port(ports: Mapping[str, DeviceTensor], role: str, shape: tuple[int, ...]) -> DeviceTensor:
    """The input or output `role` of `ports`.

    Raises:
        ContractError: It is not there, or has another shape than `shape`.
    """
    tensor = ports.get(role)
    if tensor is None or tensor.shape != shape:
        told = "none" if tensor is None else list(tensor.shape)
        raise ContractError(
            f"The network's '{role}' on the graphics card is {told}; it must be {list(shape)}.",
            "The model is not what its recipe says; choose another one.",
        )
    return tensor


def kind_of(tensor: DeviceTensor) -> int:
    """The kernels' word for its numbers.

    Raises:
        ContractError: They have none for them.
    """
    kind = _KINDS.get(tensor.dtype)
    if kind is None:
        raise ContractError(f"A network on the graphics card has numbers of {tensor.dtype}, which no kernel reads.")
    return kind


def shape_of(picture: PictureIn, rows: int = 1, size: Size | None = None) -> tuple[int, ...]:
    """Of a network's input for so many pictures, squares of its side unless `size` is given."""
    width, height = size or (picture.side, picture.side)
    return (rows, 3, height, width) if picture.layout is Layout.NCHW else (rows, height, width, 3)


def picture_port(
    engine: DeviceEngine, picture: PictureIn, role: str = "picture", rows: int = 1, size: Size | None = None
) -> Feed:
    """The input that takes pictures.

    Raises:
        ContractError: There is none of that shape.
    """
    tensor = port(engine.inputs, role, shape_of(picture, rows, size))
    return Feed(tensor.address, size or Size(picture.side, picture.side), picture, half=kind_of(tensor) == KIND_F16)
