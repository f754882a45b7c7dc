"""The part of a recipe that the face work is built on: one table named after the task, and the pictures it takes.

Beside reading the numbers it holds them against the ports: roles that do not belong to the task, a picture of another
size than the network's input and a mask that is promised but not there are found here, not at frame time.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NoReturn, TypeVar

from livecam.errors import ModelError
from livecam.inference.model import Port, Task
from livecam.inference.sections import Section
from livecam.vision.contract import (
    AgeContract,
    AgeFamily,
    Alignment,
    Colour,
    Contract,
    ConverterContract,
    DetectorContract,
    DetectorFamily,
    EnhancerContract,
    IdentityKind,
    IdentityRule,
    LandmarkerContract,
    LandmarkerFamily,
    Layout,
    MaskerContract,
    MaskerFamily,
    NudityContract,
    NudityFamily,
    PictureIn,
    PictureOut,
    RecogniserContract,
    SwapperContract,
)
from livecam.vision.template import Template

Named = TypeVar("Named", bound=StrEnum)
Ports = Mapping[str, Port]

PLANES: Final = 3
BISENET_CLASSES: Final = 19
BOX_ROWS: Final = 4
_STRIDES: Final = (8, 16, 32)
_SCRFD: Final = frozenset(f"{part}_{stride}" for part in ("score", "box", "kps") for stride in _STRIDES)
_YUNET: Final = frozenset(f"{part}_{stride}" for part in ("cls", "obj", "box", "kps") for stride in _STRIDES)
_PICTURE: Final = frozenset({"picture"})
_FAMILY_OUTPUTS: Final = {
    DetectorFamily.SCRFD: _SCRFD,
    DetectorFamily.YUNET: _YUNET,
    DetectorFamily.YOLO: frozenset({"rows"}),
    LandmarkerFamily.IF106: frozenset({"points"}),
    LandmarkerFamily.FAN68: frozenset({"points", "heatmaps"}),
    LandmarkerFamily.FIVE68: frozenset({"points"}),
    LandmarkerFamily.MESH468: frozenset({"points"}),
    MaskerFamily.XSEG: frozenset({"mask"}),
    MaskerFamily.BISENET: frozenset({"logits"}),
    NudityFamily.CLASSES: frozenset({"scores"}),
    NudityFamily.BOXES: frozenset({"rows"}),
    AgeFamily.GENDERAGE: frozenset({"values"}),
    AgeFamily.FAIRFACE: frozenset({"span"}),
}


def contract(root: Section, task: Task, inputs: Ports, outputs: Ports) -> Contract:
    """The contract that the tables of `root` state for `task`, held against the ports.

    Raises:
        ModelError: A table is missing or wrong, or the ports do not belong to it.
    """
    return _READERS[task](root, inputs, outputs)


def one_of(section: Section, key: str, names: type[Named], default: Named | None = None) -> Named:
    """The member of `names` that `key` names.

    Raises:
        ModelError: It names none; the sentence lists them.
    """
    value = section.text(key, default)
    try:
        return names(value)
    except ValueError:
        known = ", ".join(names)
        raise ModelError(f"{section.place}: '{key}' is '{value}', must be one of {known}.") from None


def _detector(root: Section, inputs: Ports, outputs: Ports) -> DetectorContract:
    with root.section("detect") as s:
        family = one_of(s, "family", DetectorFamily)
        score, iou = _share(s, "score"), _share(s, "iou")
    _check_roles(root, inputs, _PICTURE, outputs, _FAMILY_OUTPUTS[family])
    return DetectorContract(family, _picture(root, inputs["picture"]), score, iou)


def _landmarker(root: Section, inputs: Ports, outputs: Ports) -> LandmarkerContract:
    with root.section("landmarks") as s:
        family = one_of(s, "family", LandmarkerFamily)
    takes_points = family is LandmarkerFamily.FIVE68
    _check_roles(root, inputs, frozenset({"five"}) if takes_points else _PICTURE, outputs, _FAMILY_OUTPUTS[family])
    return LandmarkerContract(family, None if takes_points else _picture(root, inputs["picture"]))


def _recogniser(root: Section, inputs: Ports, outputs: Ports) -> RecogniserContract:
    with root.section("recognise") as s:
        length = _length(s)
    _check_roles(root, inputs, _PICTURE, outputs, frozenset({"embedding"}))
    _check_length(root, outputs["embedding"], length)
    return RecogniserContract(*_aligned(root, inputs["picture"]), length)


def _converter(root: Section, inputs: Ports, outputs: Ports) -> ConverterContract:
    with root.section("convert") as s:
        length, normalised = _length(s), s.flag("normalised")
    _check_roles(root, inputs, frozenset({"embedding"}), outputs, frozenset({"embedding"}))
    for ports in (inputs, outputs):
        _check_length(root, ports["embedding"], length)
    return ConverterContract(length, normalised)


def _swapper(root: Section, inputs: Ports, outputs: Ports) -> SwapperContract:
    with root.section("swap") as s:
        own_mask = s.flag("own_mask")
    given = {"image", "mask"} if own_mask else {"image"}
    _check_roles(root, inputs, frozenset({"target", "source"}), outputs, frozenset(given))
    picture, alignment = _aligned(root, inputs["target"])
    result = _result(root, outputs["image"], picture.side)
    return SwapperContract(picture, alignment, result, _identity(root, inputs["source"]), own_mask)


def _enhancer(root: Section, inputs: Ports, outputs: Ports) -> EnhancerContract:
    fidelity = None
    if "enhance" in root.names():
        with root.section("enhance") as s:
            fidelity = _share(s, "fidelity")
    taken = _PICTURE if fidelity is None else _PICTURE | {"weight"}
    _check_roles(root, inputs, taken, outputs, frozenset({"image"}))
    picture, alignment = _aligned(root, inputs["picture"])
    return EnhancerContract(picture, alignment, _result(root, outputs["image"], picture.side), fidelity)


def _masker(root: Section, inputs: Ports, outputs: Ports) -> MaskerContract:
    with root.section("mask") as s:
        family = one_of(s, "family", MaskerFamily)
        regions = s.integers("regions") if family is MaskerFamily.BISENET else ()
        if family is MaskerFamily.BISENET and not regions:
            _wrong(s, "'regions' must name the classes that count as face")
        odd = [region for region in regions if not 0 <= region < BISENET_CLASSES]
        if odd:
            _wrong(s, f"region {odd[0]} does not exist; classes are 0 to {BISENET_CLASSES - 1}")
    _check_roles(root, inputs, _PICTURE, outputs, _FAMILY_OUTPUTS[family])
    return MaskerContract(family, _picture(root, inputs["picture"]), regions)


def _nudity(root: Section, inputs: Ports, outputs: Ports) -> NudityContract:
    with root.section("nudity") as s:
        family = one_of(s, "family", NudityFamily)
        weights, limit = s.reals("weights"), s.real("limit")
        if not any(weights):
            _wrong(s, "'weights' must hold a number for each class, one of them not 0")
    _check_roles(root, inputs, _PICTURE, outputs, _FAMILY_OUTPUTS[family])
    classes = _classes(family, outputs)
    if classes not in {-1, len(weights)}:
        _wrong(root, f"'weights' holds {len(weights)} numbers, but the network tells {classes} classes")
    return NudityContract(family, _picture(root, inputs["picture"]), weights, limit)


def _classes(family: NudityFamily, outputs: Ports) -> int:
    """How many classes the output has; -1 where its shape leaves that open."""
    boxes = family is NudityFamily.BOXES
    shape = outputs["rows" if boxes else "scores"].spec.shape
    if len(shape) != (3 if boxes else 2) or shape[1] == -1:
        return -1
    return shape[1] - BOX_ROWS if boxes else shape[1]


def _age(root: Section, inputs: Ports, outputs: Ports) -> AgeContract:
    with root.section("age") as s:
        family = one_of(s, "family", AgeFamily)
    _check_roles(root, inputs, _PICTURE, outputs, _FAMILY_OUTPUTS[family])
    if family is AgeFamily.GENDERAGE:
        return AgeContract(family, _picture(root, inputs["picture"]), None)
    return AgeContract(family, *_aligned(root, inputs["picture"]))


_READERS: Final[Mapping[Task, Callable[[Section, Ports, Ports], Contract]]] = {
    Task.DETECT: _detector,
    Task.LANDMARKS: _landmarker,
    Task.RECOGNISE: _recogniser,
    Task.CONVERT: _converter,
    Task.SWAP: _swapper,
    Task.ENHANCE: _enhancer,
    Task.MASK: _masker,
    Task.NUDITY: _nudity,
    Task.AGE: _age,
}


def _identity(root: Section, source: Port) -> IdentityRule:
    with root.section("identity") as s:
        kind = one_of(s, "kind", IdentityKind)
        if kind is IdentityKind.IMAGE:
            picture, alignment = _aligned(s, source)
            return IdentityRule(kind, picture=picture, alignment=alignment)
        converter = s.text("converter", "") if kind is IdentityKind.EMBEDDING else ""
        rule = IdentityRule(kind, s.text("recogniser"), converter)
    if len(source.spec.shape) != 2 or source.spec.dtype != "float32":
        _wrong(root, f"identity '{kind}' needs a 'source' input of shape (1, length) and dtype float32")
    return rule


def _aligned(root: Section, port: Port) -> tuple[PictureIn, Alignment]:
    """The table ``[picture]`` with the template of its crops."""
    with root.section("picture") as s:
        alignment = Alignment(one_of(s, "template", Template), s.real("offset_px", 0.0))
        return _picture_in(s, port), alignment


def _picture(root: Section, port: Port) -> PictureIn:
    """The table ``[picture]`` of a network that crops in its own way."""
    with root.section("picture") as s:
        return _picture_in(s, port)


def _picture_in(s: Section, port: Port) -> PictureIn:
    side = s.integer("side")
    if side < 1:
        _wrong(s, f"'side' is {side}, must be 1 px or more")
    colour, layout = one_of(s, "colour", Colour), one_of(s, "layout", Layout)
    mean, std = _by_plane(s, "mean"), _by_plane(s, "std")
    if 0.0 in std:
        _wrong(s, "'std' must not hold 0, as values are divided by it")
    _check_picture(s, port, side, layout)
    return PictureIn(side, colour, layout, mean, std)


def _result(root: Section, port: Port, side: int) -> PictureOut:
    with root.section("result") as s:
        low, high = s.real("low"), s.real("high")
        if low == high:
            _wrong(s, "'low' and 'high' must differ")
        layout = one_of(s, "layout", Layout)
        _check_picture(s, port, side, layout)
        return PictureOut(low, high, one_of(s, "colour", Colour), layout)


def _by_plane(s: Section, key: str) -> tuple[float, float, float]:
    values = s.reals(key)
    if len(values) != PLANES:
        _wrong(s, f"'{key}' must hold 3 numbers, one for each plane; it holds {len(values)}")
    return values[0], values[1], values[2]


def _share(s: Section, key: str) -> float:
    value = s.real(key)
    if not 0.0 <= value <= 1.0:
        _wrong(s, f"'{key}' is {value:g}, must be from 0 to 1")
    return value


def _length(s: Section) -> int:
    length = s.integer("length")
    if length < 1:
        _wrong(s, f"'length' is {length}, must be 1 or more")
    return length


def _check_roles(root: Section, inputs: Ports, taken: frozenset[str], outputs: Ports, given: frozenset[str]) -> None:
    for table, ports, expected in (("inputs", inputs, taken), ("outputs", outputs, given)):
        missing, odd = sorted(expected - ports.keys()), sorted(ports.keys() - expected)
        if odd:
            _wrong(root, f"[[{table}]] has the role '{odd[0]}', which is not of its kind; roles are {_told(expected)}")
        if missing:
            _wrong(root, f"[[{table}]] lacks the role '{missing[0]}'; roles are {_told(expected)}")


def _check_length(root: Section, port: Port, length: int) -> None:
    if len(port.spec.shape) != 2 or port.spec.shape[1] not in {-1, length}:
        _wrong(root, f"'length' is {length}, but an embedding has the shape {list(port.spec.shape)}")


def _check_picture(s: Section, port: Port, side: int, layout: Layout) -> None:
    expected = (1, PLANES, side, side) if layout is Layout.NCHW else (1, side, side, PLANES)
    shape = port.spec.shape
    agrees = len(shape) == 4 and all(size in {-1, wanted} for size, wanted in zip(shape, expected, strict=True))
    if not agrees or port.spec.dtype != "float32":
        given = f"{port.spec.dtype} {list(shape)}"
        _wrong(s, f"a {layout} picture of side {side} is float32 {list(expected)}, but its port is {given}")


def _told(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _wrong(section: Section, what: str) -> NoReturn:
    raise ModelError(f"{section.place}: {what}.")
