"""Keeps the frame's compiled kernels beside the plans, under the same rules: they are machine code too."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from livecam.errors import EngineError
from livecam.inference.plan_key import Kind, Text
from livecam.inference.plans import PlanCache

log = logging.getLogger(__name__)


class Code(Protocol):
    """What machine code depends on; `livecam.canvas.kernels.library.CodeKey`."""

    @property
    def source(self) -> str:
        """SHA-256 of the text."""
        ...

    @property
    def compiler(self) -> str:
        """Its name and version."""
        ...

    @property
    def architecture(self) -> str:
        """Such as ``sm_89``."""
        ...


@dataclass(frozen=True, slots=True)
class _KernelKey:
    """A file of the cache."""

    code: Code

    @property
    def kind(self) -> Kind:
        return Kind.KERNELS

    @property
    def label(self) -> str:
        return f"{self.code.compiler}-{self.code.architecture}"

    def fields(self) -> Mapping[str, Text]:
        return {"source": self.code.source, "version": self.code.compiler, "target": self.code.architecture}


class CodeShelf:
    """A shelf for a `KernelLibrary`. A cache that cannot be used costs a compilation, no more.

    Args:
        cache: Of the plans.
    """

    def __init__(self, cache: PlanCache) -> None:
        self._cache = cache

    def find(self, key: Code) -> bytes | None:
        """What was kept under exactly this key, verified; None where there is none."""
        try:
            found = self._cache.find(_KernelKey(key))
        except EngineError as error:
            log.warning("Compiled kernels cannot be looked for: %s", error)
            return None
        return found.payload if found is not None else None

    def keep(self, key: Code, code: bytes) -> None:
        """For the next start."""
        try:
            self._cache.keep(_KernelKey(key), code)
        except EngineError as error:
            log.warning("Compiled kernels cannot be kept: %s", error)
