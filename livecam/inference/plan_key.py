"""What a plan was compiled from and for: a plan is used only where all of it is the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol, TypeAlias

Text: TypeAlias = "str | int | Sequence[Text] | Mapping[str, Text]"

LAYOUT: Final = 1
"""Of the keys. It is part of every digest, so that a change of what is recorded makes all older files strangers."""

STEM_DIGITS: Final = 40
"""Of the digest, in a file's name: 160 bits."""


class Kind(StrEnum):
    """What a file of the cache holds; the ending of its name."""

    PLAN = "plan"
    TIMING = "timing"
    """What the builder of full TensorRT measured on one graphics card; makes the next build quick."""
    RUNTIME = "runtime"
    """What TensorRT for RTX compiled for one graphics card when it first ran a plan."""
    KERNELS = "kernels"
    """What NVRTC compiled of the frame's kernels for one architecture."""


class Flavour(StrEnum):
    """Which TensorRT."""

    TENSORRT = "tensorrt"
    RTX = "rtx"


class Precision(StrEnum):
    """Of the arithmetic; inputs and outputs stay as the network has them."""

    FP32 = "fp32"
    FP16 = "fp16"


class Key(Protocol):
    """Names one file of the cache."""

    @property
    def kind(self) -> Kind:
        """What the file holds."""
        ...

    @property
    def label(self) -> str:
        """For lists and for the beginning of the file's name."""
        ...

    def fields(self) -> Mapping[str, Text]:
        """Everything that must be the same."""
        ...


@dataclass(frozen=True, slots=True)
class InputShape:
    """The sizes one input may have: one size, unless a batch may be smaller than the largest.

    Attributes:
        name: Of the input, in the graph.
        least: The smallest shape.
        usual: The shape to be quickest for.
        most: The largest shape.
    """

    name: str
    least: tuple[int, ...]
    usual: tuple[int, ...]
    most: tuple[int, ...]

    @classmethod
    def fixed(cls, name: str, shape: tuple[int, ...]) -> "InputShape":
        """One size only."""
        return cls(name, shape, shape, shape)

    @property
    def is_fixed(self) -> bool:
        """Whether there is one size only."""
        return self.least == self.usual == self.most


@dataclass(frozen=True, slots=True)
class PlanKey:
    """Everything that a plan depends on.

    Attributes:
        model: The recipe's name.
        recipe: SHA-256 of the recipe's text.
        weights: SHA-256 of the network's file.
        flavour: Which TensorRT.
        version: Its exact version.
        target: The graphics card: ``sm_90 NVIDIA H200 driver 580`` for full TensorRT, which makes plans for one card
            and driver; for TensorRT for RTX ``portable``, or the architectures, such as ``sm_86 sm_89``.
        precision: Of the arithmetic.
        converter: Version of the converter to 16 bit and what it was told; "" where it was not used.
        shapes: Of all inputs, in the graph's order.
        settings: Of the builder, by name.
    """

    model: str
    recipe: str
    weights: str
    flavour: Flavour
    version: str
    target: str
    precision: Precision
    converter: str
    shapes: tuple[InputShape, ...]
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> Kind:
        """A plan."""
        return Kind.PLAN

    @property
    def label(self) -> str:
        """Such as ``inswapper_128-fp16``."""
        return f"{self.model}-{self.precision}"

    def fields(self) -> Mapping[str, Text]:
        """Everything that must be the same."""
        return {
            "model": self.model,
            "recipe": self.recipe,
            "weights": self.weights,
            "flavour": str(self.flavour),
            "version": self.version,
            "target": self.target,
            "precision": str(self.precision),
            "converter": self.converter,
            "shapes": [[shape.name, shape.least, shape.usual, shape.most] for shape in self.shapes],
            "settings": dict(sorted(self.settings)),
        }


@dataclass(frozen=True, slots=True)
class SideKey:
    """What a timing or runtime cache belongs to.

    Attributes:
        kind: `Kind.TIMING` or `Kind.RUNTIME`.
        flavour: Which TensorRT.
        version: Its exact version.
        card: The graphics card with architecture and driver.
        plan: SHA-256 of the plan's key, for a runtime cache; "" for a timing cache, which all plans share.
    """

    kind: Kind
    flavour: Flavour
    version: str
    card: str
    plan: str = ""

    @property
    def label(self) -> str:
        """Such as ``rtx-1.7.1``."""
        return f"{self.flavour}-{self.version}"

    def fields(self) -> Mapping[str, Text]:
        """Everything that must be the same."""
        return {"flavour": str(self.flavour), "version": self.version, "card": self.card, "plan": self.plan}


def key_text(key: Key) -> str:
    """`key` as the one JSON text that means it: sorted, without spaces."""
    return json.dumps({"layout": LAYOUT, "kind": str(key.kind), **key.fields()}, sort_keys=True, separators=(",", ":"))


def key_digest(key: Key) -> str:
    """SHA-256 of `key_text`, in lower-case hexadecimal digits."""
    return sha256(key_text(key).encode()).hexdigest()


def file_name(key: Key) -> str:
    """The name of the file of `key`: a readable beginning, 160 bits of the digest, and the kind."""
    readable = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in key.label)[:64]
    return f"{readable.lstrip('.')}.{key_digest(key)[:STEM_DIGITS]}.{key.kind}"
