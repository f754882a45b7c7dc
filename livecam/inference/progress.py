"""How far a fetch has come, told to whoever shows it."""

from typing import Protocol


class Progress(Protocol):
    """Is told what is being done; the terminal draws a bar of it."""

    def update(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps or bytes of `stage`; `total` is 0 while it is not known."""
        ...


class Silent:
    """Shows nothing."""

    def update(self, stage: str, done: int, total: int) -> None:
        """Ignore it."""
