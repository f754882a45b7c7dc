"""Loads networks as they are: on ONNX Runtime, each on the backend that is named, quickest or best; or on a server."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.config import Provider
from livecam.core.seams import Engine
from livecam.inference import onnx
from livecam.inference.backends import Backend, Facts, choose
from livecam.inference.model import WHOLE_PICTURE, Model
from livecam.inference.remote import Terms, remote_engine
from livecam.inference.store import digest_of, installed
from livecam.inference.tuned import Tuned

COMPILED: Final = frozenset(backend for backend in Backend if backend.flavour is not None)
"""Backends whose networks are compiled."""

_NOT_ONNX_RUNTIME: Final = COMPILED | {Backend.REMOTE}


@dataclass(frozen=True, slots=True)
class OnnxLoader:
    """Loads networks on ONNX Runtime.

    Attributes:
        asked: What the user wants; a backend that is none of ONNX Runtime's stands for the best that is.
        facts: The computer.
        networks: Folder of the networks.
        tuned: What was measured.
        lost: Backends that have failed in this run.
    """

    asked: Provider
    facts: Facts
    networks: Path
    tuned: Tuned
    lost: Collection[Backend] = frozenset()

    def backend(self, tuned: Backend | None = None) -> Backend:
        """The backend to be used; `tuned` is what was measured to be quickest for a network.

        Raises:
            ConfigError: The one that was named cannot be had, or none can.
        """
        asked = self.asked
        if asked is not Provider.AUTO and Backend(asked) in _NOT_ONNX_RUNTIME:
            asked = Provider.AUTO
        return choose(asked, self.facts, tuned, COMPILED | frozenset(self.lost))

    def __call__(self, model: Model, batch: int) -> Engine:
        """See `livecam.app.neural_parts.Load`.

        Raises:
            ConfigError: As `backend`.
            EngineError: It cannot be loaded on the backend.
            ModelError: The file is missing, damaged, or not what its recipe says.
        """
        path = installed(model, self.networks)
        choice = self.tuned.choice(model.name, digest_of(model, self.networks))
        backend = self.backend(choice.backend if choice is not None else None)
        threads = choice.threads or None if choice is not None and choice.backend is backend else None
        # Several crops at once gain nothing on the processor, and cost two more runs at load.
        rows = 1 if backend is Backend.CPU else batch
        return onnx.load_model_engine(model, path, str(backend), threads=threads, batch=rows)


@dataclass(frozen=True, slots=True)
class RemoteLoader:
    """Loads networks on a server, but for those that are given the whole picture, which never leaves.

    Attributes:
        here: Loads what stays on this machine.
        address: Of the server.
        terms: How long it may take.
    """

    here: OnnxLoader
    address: str
    terms: Terms

    def __call__(self, model: Model, batch: int) -> Engine:
        """See `livecam.app.neural_parts.Load`.

        Raises:
            ConfigError: The address cannot be used; or as `here`.
            EngineError: The server does not serve it now; or as `here`.
            ModelError: What it serves is not what the recipe says; or as `here`.
        """
        if model.task in WHOLE_PICTURE:
            return self.here(model, batch)
        return remote_engine(model, self.address, self.terms, batch)
