"""A lock between processes, so that two daemons do not build the same cache at once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from livecam.core import locked as core_lock
from livecam.errors import WeightsMissing

_POLL_S = 0.1


@contextmanager
def locked(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock file `path`; the system frees it when the process dies.

    Raises:
        WeightsMissing: Another process held it for all of `timeout_s`.
        OSError: The file cannot be made.
    """
    with ExitStack() as held:
        try:
            held.enter_context(core_lock.locked(path, timeout_s, _POLL_S))
        except TimeoutError:
            raise WeightsMissing(
                f"Another livecam has been fetching networks into {path.parent} for very long.",
                "Wait for it or end it, then run: livecam models fetch",
            ) from None
        yield
