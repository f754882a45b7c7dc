"""What is to be compiled, as the process that does it is told."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from livecam.core.frame import Size
from livecam.errors import EngineError
from livecam.inference.half import CONVERTER
from livecam.inference.model import Model
from livecam.inference.plan_key import Flavour, InputShape, PlanKey, Precision
from livecam.vision.contract import SwapperContract

PORTABLE: Final = "portable"
"""The target of a plan for every graphics card that TensorRT for RTX knows."""

_PICTURE_AXES: Final = 4


_OWN: Final = {Flavour.RTX: (("allocation", "user"),), Flavour.TENSORRT: ()}
"""What `compile_plan` always asks of the builder."""


@dataclass(frozen=True, slots=True)
class Request:
    """A plan to be built.

    Attributes:
        model: Name of the recipe.
        folders: Where recipes are looked for.
        path: The network's file.
        recipe: SHA-256 of the recipe's text.
        weights: SHA-256 of the network's file.
        flavour: Which TensorRT.
        precision: Of the arithmetic.
        batch: Most pictures at a time.
        size: Of a picture whose sides the file leaves free, px (width, height); empty for the recipe's.
        targets: Architectures, such as ``sm_86``, for TensorRT for RTX; empty for all it knows.
        card: The graphics card of this machine, for full TensorRT; "" otherwise.
        level: How long the builder looks for quick kernels, 0 to 5.
        keep_wide: Nodes or operators that stay in 32 bit besides those of the converter.
        plans: Folder of the cache, in which full TensorRT's timing cache lies; "" for none. Not part of the key.
    """

    model: str
    folders: tuple[str, ...]
    path: str
    recipe: str
    weights: str
    flavour: Flavour
    precision: Precision
    batch: int = 1
    size: tuple[int, ...] = ()
    targets: tuple[str, ...] = ()
    card: str = ""
    level: int = 3
    keep_wide: tuple[str, ...] = ()
    plans: str = ""

    @property
    def picture_size(self) -> Size | None:
        """As the graph's fitting takes it."""
        return Size(*self.size) if self.size else None

    def text(self) -> str:
        """For `from_text`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Request":
        """What `text` was made of.

        Raises:
            EngineError: It is not what `text` makes.
        """
        try:
            held: Mapping[str, object] = json.loads(text)
            fields = {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
            fields |= {"flavour": Flavour(str(held["flavour"])), "precision": Precision(str(held["precision"]))}
            return cls(**fields)  # type: ignore[arg-type]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise EngineError(f"What is to be built cannot be understood: {error}.") from error


def largest_batch(model: Model, wanted: int) -> int:
    """As many pictures at a time as `model` can be asked to take: swappers alone are (pixel boost)."""
    return wanted if isinstance(model.contract, SwapperContract) else 1


def key_of(request: Request, model: Model, version: str) -> PlanKey:
    """The key of the plan that `request` asks for.

    The shapes are those of the recipe, by role; what it leaves free is settled by the file and the size asked for,
    which are in the key too. So nobody has to read half a gigabyte to look for a plan.

    Args:
        request: What is asked for.
        model: Its recipe.
        version: Of TensorRT, exact.
    """
    return PlanKey(
        model=request.model,
        recipe=request.recipe,
        weights=request.weights,
        flavour=request.flavour,
        version=version,
        target=request.card or " ".join(sorted(request.targets)) or PORTABLE,
        precision=request.precision,
        converter=_converter(request) if request.precision is Precision.FP16 else "",
        shapes=tuple(_asked(role, port.spec.shape, request.batch) for role, port in model.inputs.items()),
        settings=(("level", str(request.level)), ("size", "x".join(map(str, request.size))), *_OWN[request.flavour]),
    )


def _asked(role: str, shape: tuple[int, ...], batch: int) -> InputShape:
    if len(shape) != _PICTURE_AXES or batch == 1:
        return InputShape.fixed(role, shape)
    return InputShape(role, (1, *shape[1:]), (batch, *shape[1:]), (batch, *shape[1:]))


def _converter(request: Request) -> str:
    kept = sha256(json.dumps(sorted(request.keep_wide)).encode()).hexdigest()[:16] if request.keep_wide else "none"
    return f"{CONVERTER}:{kept}"


def request_for(
    model: Model,
    path: Path,
    weights: str,
    folders: tuple[Path, ...],
    *,
    flavour: Flavour,
    precision: Precision = Precision.FP16,
    batch: int = 1,
    size: Size | None = None,
    targets: tuple[str, ...] = (),
    card: str = "",
) -> Request:
    """A request for a plan of `model`.

    Args:
        model: The recipe.
        path: Its file.
        weights: SHA-256 of the file.
        folders: Where the recipe was found.
        flavour: Which TensorRT.
        precision: Of the arithmetic.
        batch: Most pictures at a time; 1 for what is not a swapper.
        size: Of a picture whose sides the file leaves free.
        targets: As in `Request`.
        card: As in `Request`.
    """
    return Request(
        model=model.name,
        folders=tuple(str(folder.absolute()) for folder in folders),
        path=str(path.absolute()),
        recipe=model.digest,
        weights=weights,
        flavour=flavour,
        precision=precision,
        batch=largest_batch(model, batch),
        size=(size.width, size.height) if size is not None else (),
        targets=targets,
        card=card,
    )
