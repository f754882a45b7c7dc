"""Computers that are made up: what backends are chosen on."""

from collections.abc import Collection
from dataclasses import dataclass, field

from livecam.errors import ExtraMissing, LivecamError
from livecam.inference.backends import Backend
from livecam.inference.card import Card, NoCard

NO_DRIVER = NoCard("There is no NVIDIA driver on this computer.")
RTX_3060 = Card("NVIDIA GeForce RTX 3060", 8, 6, 13_000)


def card(sm: int, cuda: int = 13_000) -> Card:
    return Card(f"Pretend {sm}", sm // 10, sm % 10, cuda)


@dataclass
class PretendComputer:
    """Everything that is in `works` starts; the rest is not installed. What was started is in `started`."""

    works: Collection[Backend] = (Backend.CPU,)
    found: Card | NoCard = NO_DRIVER
    system: str = "Linux"
    python: tuple[int, int] = (3, 12)
    started: list[Backend] = field(default_factory=list)

    def card(self) -> Card | NoCard:
        return self.found

    def trouble(self, backend: Backend) -> LivecamError | None:
        self.started.append(backend)
        if backend in self.works:
            return None
        return ExtraMissing(f"The package of {backend} is not installed.", f"pip install 'livecam[{backend}]'")
