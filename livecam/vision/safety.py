"""Judges of what a picture shows: nudity in the whole of it, and the age of one face. From numbers to a verdict.

A judge says what its network says. None of them could be tried on the published weights here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livecam.core.face import Box
from livecam.core.frame import Image, Points, Size
from livecam.core.seams import Engine, Tensor
from livecam.errors import ContractError
from livecam.vision.contract import AgeContract, NudityContract, NudityFamily
from livecam.vision.landmark.crop import Cutter, centred
from livecam.vision.template import align
from livecam.vision.tensor import Feeder, finite

SPANS: Final = (0, 3, 10, 20, 30, 40, 50, 60, 70)
"""FairFace: the youngest of each class, in years."""

LARGEST_SIDE: Final = 640
"""Of the small copy that is looked at, px: the largest picture that a network here takes."""

_ONE_OF: Final = 3
_MARGIN: Final = 1.5
_PLACE: Final = 2
_YEARS: Final = 100.0


@dataclass(frozen=True, slots=True)
class Score:
    """What one network says about one picture.

    Attributes:
        name: Of its recipe.
        value: In the network's own unit.
        limit: A value above it is a hit.
    """

    name: str
    value: float
    limit: float

    @property
    def hit(self) -> bool:
        """Whether it says that the picture shows nudity."""
        return self.value > self.limit

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g} (limit {self.limit:g})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What several networks say together.

    Attributes:
        scores: One of each.
    """

    scores: tuple[Score, ...]

    @property
    def hit(self) -> bool:
        """Half of them suffice: of three two must agree, of two one is enough."""
        return 2 * sum(score.hit for score in self.scores) >= len(self.scores) > 0

    def __str__(self) -> str:
        return ", ".join(map(str, self.scores))


class NudityJudge:
    """One network that tells nudity. Owns its memory; used by one thread.

    Args:
        name: Of its recipe.
        engine: Bound by role.
        contract: Its numbers.
        limit: A score above it is a hit; the recipe's unless given.
    """

    def __init__(self, name: str, engine: Engine, contract: NudityContract, limit: float | None = None) -> None:
        self._name = name
        self._engine = engine
        self._boxes = contract.family is NudityFamily.BOXES
        self._weights = np.array(contract.weights)
        self._limit = contract.limit if limit is None else limit
        side = contract.picture.side
        self._square = np.zeros((side, side, 3), np.uint8)
        self._feed = Feeder(contract.picture)

    def __call__(self, image: Image) -> Score:
        """What it says of `image`, (H, W, 3) u8 BGR.

        Raises:
            ContractError: The network gave rubbish.
            EngineError: The backend failed.
        """
        outputs = self._engine.run({"picture": self._feed(contained(image, self._square))})
        value = self._best(outputs["rows"]) if self._boxes else self._summed(outputs["scores"])
        return Score(self._name, value, self._limit)

    def _summed(self, scores: Tensor) -> float:
        return float(finite(scores, (1, len(self._weights)), "scores")[0] @ self._weights)

    def _best(self, rows: Tensor) -> float:
        count = rows.shape[-1] if rows.ndim else 0
        if not count:
            raise ContractError("The network gives no rows at all.", "The model is not what its recipe says.")
        classes = finite(rows, (1, 4 + len(self._weights), count), "rows")[0, 4:]
        return float((classes.max(axis=1) * self._weights).max())


class NudityJury:
    """Several networks that tell nudity, who vote. Used by one thread.

    Args:
        judges: At least one.
    """

    def __init__(self, judges: Sequence[NudityJudge]) -> None:
        self._judges = tuple(judges)

    def __call__(self, image: Image) -> Verdict:
        """What they say of `image`, (H, W, 3) u8 BGR.

        Raises:
            ContractError, EngineError: One of them failed: then nothing is said.
        """
        return Verdict(tuple(judge(image) for judge in self._judges))


class AgeJudge:
    """A network that estimates ages. Owns its memory; used by one thread.

    Args:
        engine: Bound by role.
        contract: Its numbers.
    """

    def __init__(self, engine: Engine, contract: AgeContract) -> None:
        self._engine = engine
        self._alignment = contract.alignment
        self._side = contract.picture.side
        self._cut = Cutter(self._side)
        self._feed = Feeder(contract.picture)

    def __call__(self, image: Image, box: Box, five: Points) -> float:
        """The lowest age, in years, that it allows the face to have.

        Args:
            image: (H, W, 3) u8 BGR.
            box: Around the face, chin to hairline, px.
            five: Eyes, nose tip, mouth corners, (5, 2) f32 px.

        Raises:
            ContractError: The face has no size, or the network gave rubbish.
            EngineError: The backend failed.
        """
        if self._alignment is None:
            crop = self._cut(image, centred(box, self._side, self._side / _MARGIN))
            return self._years(self._engine.run({"picture": self._feed(crop)})["values"])
        if not np.ptp(five, axis=0).any():
            raise ContractError("The age of a face whose five points coincide cannot be told.")
        crop = self._cut(image, align(five, self._alignment.template, self._side, self._alignment.offset_px))
        return self._youngest(self._engine.run({"picture": self._feed(crop)})["span"])

    def _years(self, values: Tensor) -> float:
        return float(finite(values, (1, 3), "values")[0, _PLACE]) * _YEARS

    def _youngest(self, span: Tensor) -> float:
        number = int(span.reshape(-1)[0]) if span.size == 1 and span.dtype.kind in "iu" else -1
        if not 0 <= number < len(SPANS):
            raise ContractError(f"There is no span of ages {number}.", "The model is not what its recipe says.")
        return float(SPANS[number])


class Shrinker:
    """Makes the small copy of a frame that is looked at. Owns its memory; its result is valid until the next call."""

    def __init__(self) -> None:
        self._small = np.empty((0, 0, 3), np.uint8)

    def __call__(self, image: Image) -> Image:
        """A copy of `image`, (H, W, 3) u8 BGR, of at most `LARGEST_SIDE` px."""
        size = fitting(Size(image.shape[1], image.shape[0]), LARGEST_SIDE, enlarge=False)
        if self._small.shape[:2] != (size.height, size.width):
            self._small = np.empty((size.height, size.width, 3), np.uint8)
        # Bilinear is a mean of four at half the size, and takes one pixel of nine at a third, as the nearest does.
        how = cv2.INTER_LINEAR if image.shape[1] < _ONE_OF * size.width else cv2.INTER_NEAREST
        cv2.resize(image, (size.width, size.height), dst=self._small, interpolation=how)
        return self._small


def fitting(size: Size, side: int, *, enlarge: bool = True) -> Size:
    """`size`, px, scaled so that its longer side is `side`; smaller ones stay as they are unless `enlarge`."""
    longer = max(size.width, size.height)
    if longer <= side and not enlarge:
        return size
    return Size(max(1, size.width * side // longer), max(1, size.height * side // longer))


def contained(image: Image, square: Image) -> Image:
    """`image`, (H, W, 3) u8 BGR, in the middle of `square`, (S, S, 3) u8, black around it; returns `square`."""
    side = square.shape[0]
    size = fitting(Size(image.shape[1], image.shape[0]), side)
    left, top = (side - size.width) // 2, (side - size.height) // 2
    smaller = max(image.shape[:2]) > side
    square[:] = 0
    square[top : top + size.height, left : left + size.width] = cv2.resize(
        image, (size.width, size.height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    )
    return square
