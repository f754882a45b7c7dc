"""What a recipe says about a published network; `livecam.inference.catalogue` reads them from TOML.

The embedded networks, which are converted from a wheel, have recipes of their own kind: `livecam.inference.recipe`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from livecam.core.seams import TensorSpec
from livecam.inference.recipe import Licence
from livecam.vision.contract import Contract

STAND_IN: Final = "STAND-IN"
"""What the summary of a recipe begins with when its network swaps nothing: see ``livecam bench stand-ins``."""


class Task(StrEnum):
    """What a network does."""

    DETECT = "detect"
    LANDMARKS = "landmarks"
    RECOGNISE = "recognise"
    CONVERT = "convert"
    SWAP = "swap"
    ENHANCE = "enhance"
    MASK = "mask"
    NUDITY = "nudity"
    AGE = "age"


WHOLE_PICTURE: Final = frozenset({Task.DETECT, Task.NUDITY})
"""Tasks whose networks are given the whole picture, which never leaves this machine."""


@dataclass(frozen=True, slots=True)
class Save:
    """One file as it is published: the same network exists in several byte-different saves.

    Attributes:
        sha256: In lower-case hexadecimal digits.
        size: In bytes; 0 where it is not known.
        by: Who publishes it, such as ``insightface``.
    """

    sha256: str
    size: int
    by: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file can be fetched.

    Attributes:
        url: https. A file inside an archive is named after ``#``, such as ``buffalo_l.zip#det_10g.onnx``.
        by: Who publishes it.
    """

    url: str
    by: str


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the graph, found by what it is for.

    Attributes:
        names: What it is called in the saves there are; the first that the graph has is taken. Empty: by position.
        spec: Shape (-1 is free) and dtype. Of several accepted ranks (SCRFD), the recipe gives the longer.
    """

    names: tuple[str, ...]
    spec: TensorSpec


@dataclass(frozen=True, slots=True)
class Model:
    """A published network.

    Attributes:
        name: The recipe's file name without its ending; the file in the cache is ``NAME.onnx``.
        task: What it does.
        summary: One line for lists.
        licence: Its terms; `text` is the address of the wording.
        saves: Accepted files; empty where no digest is known to the project.
        size: In bytes, of the save that is fetched; for lists and progress. An estimate where `saves` gives none.
        origins: Where to fetch it, best first; empty where a user must bring it.
        inputs: By role, in the graph's order.
        outputs: By role, in the graph's order.
        contract: Its numbers.
        gflop: Of one run, for sizing; 0 where not known.
        notes: Traps of precision and conversion, in sentences; may be empty.
        digest: SHA-256 of the recipe's text.
    """

    name: str
    task: Task
    summary: str
    licence: Licence
    saves: tuple[Save, ...]
    size: int
    origins: tuple[Origin, ...]
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    contract: Contract
    gflop: float
    notes: str
    digest: str
