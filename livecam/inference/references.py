"""What every network gives in 32 bit on the processor, kept beside the plans: plans are held against it.

It is worked out once for a network's file, by a process of its own at low priority, and kept in the container of plans:
checked for owner and digest before it is believed, like a plan.
"""

import io
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from livecam.core.seams import Tensor
from livecam.errors import EngineError
from livecam.inference.agreement import Reference
from livecam.inference.plan_build import Terms, build_in_child
from livecam.inference.plan_key import Kind, Text
from livecam.inference.plan_request import Request
from livecam.inference.plans import PlanCache
from livecam.inference.progress import Progress

COMMAND: Final = (sys.executable, "-P", "-m", "livecam.inference.reference_child")

_FOLDER: Final = "references"
_BUDGET_BYTES: Final = 256 << 20
"""A network's noise and results take at most some 7 MB."""


@dataclass(frozen=True, slots=True)
class ReferenceKey:
    """What a reference belongs to.

    Attributes:
        model: The recipe's name.
        recipe: SHA-256 of the recipe's text.
        weights: SHA-256 of the network's file.
        size: Of a picture whose sides the file leaves free, px (width, height); empty for the recipe's.
    """

    model: str
    recipe: str
    weights: str
    size: tuple[int, ...] = ()

    @property
    def kind(self) -> Kind:
        """As the container has it: a file that is believed by its digest alone."""
        return Kind.PLAN

    @property
    def label(self) -> str:
        """Such as ``inswapper_128-reference``."""
        return f"{self.model}-reference"

    def fields(self) -> Mapping[str, Text]:
        """Everything that must be the same."""
        return {
            "reference": self.model,
            "recipe": self.recipe,
            "weights": self.weights,
            "size": "x".join(map(str, self.size)),
        }


def references_in(plans: PlanCache) -> PlanCache:
    """The cache of references that lies beside `plans`."""
    return PlanCache(plans.folder / _FOLDER, _BUDGET_BYTES)


def find_reference(plans: PlanCache, request: Request) -> Reference | None:
    """The reference of the network that `request` is about; None where it was not worked out yet.

    Raises:
        EngineError: The cache cannot be read, or holds what is no reference.
    """
    found = references_in(plans).find(_key_of(request))
    return from_bytes(found.payload) if found is not None else None


def obtain_reference(plans: PlanCache, request: Request, progress: Progress, terms: Terms) -> Reference:
    """The reference of the network that `request` is about: kept, or worked out and kept.

    Args:
        plans: Beside which it lies.
        request: Names the network; what else it asks for does not matter.
        progress: Told while it is worked out.
        terms: How that is watched; `COMMAND` is what is to be started.

    Raises:
        EngineError: It cannot be worked out, or was cancelled.
    """
    cache, key = references_in(plans), _key_of(request)
    return from_bytes(cache.obtain(key, lambda: build_in_child(request, progress, terms), terms.limit_s).payload)


def to_bytes(reference: Reference) -> bytes:
    """`reference` for `from_bytes`."""
    held = io.BytesIO()
    named = {f"feed {role}": feed for role, feed in reference.feeds.items()}
    named |= {f"result {role}": result for role, result in reference.results.items()}
    np.savez(held, allow_pickle=False, **named)
    return held.getvalue()


def from_bytes(payload: bytes) -> Reference:
    """What `to_bytes` was given.

    Raises:
        EngineError: It is not what `to_bytes` gives.
    """
    parts: dict[str, dict[str, Tensor]] = {"feed": {}, "result": {}}
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as held:
            for name in held.files:
                part, _, role = name.partition(" ")
                parts[part][role] = held[name]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise EngineError(f"What is kept to judge compiled networks by cannot be read: {error}.") from error
    return Reference(parts["feed"], parts["result"])


def _key_of(request: Request) -> ReferenceKey:
    return ReferenceKey(request.model, request.recipe, request.weights, request.size)
